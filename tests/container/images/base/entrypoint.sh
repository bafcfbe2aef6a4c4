#!/bin/sh
# As in the images of docker-library/php.
set -eu
exec "$@"
