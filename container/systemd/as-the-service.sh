#!/bin/sh
# openai-moodle-sidecar, with the settings of the service where nothing else is said, and for root with its key:
#     openai-moodle-sidecar doctor
etc=/etc/openai-moodle-sidecar
if [ -z "${SIDECAR_ENV_FILE-}" ] && [ -r "$etc/.env" ]; then
    export SIDECAR_ENV_FILE="$etc/.env"
fi
if [ -z "${CREDENTIALS_DIRECTORY-}" ] && [ -r "$etc/openai_api_key" ]; then
    export CREDENTIALS_DIRECTORY="$etc"
fi
exec /opt/openai-moodle-sidecar/current/bin/openai-moodle-sidecar "$@"
