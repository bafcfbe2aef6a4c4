#!/bin/sh
# As in the images of docker-library/php, but Debian's own Apache.
set -e
# shellcheck source=/dev/null
. /etc/apache2/envvars
mkdir -p /run/lock "$APACHE_RUN_DIR" "$APACHE_LOCK_DIR"
rm -f "$APACHE_PID_FILE"
exec apache2 -D FOREGROUND "$@"
