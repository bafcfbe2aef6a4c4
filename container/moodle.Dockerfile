# Moodle with openai-moodle-sidecar beside Apache or php-fpm, in one container. docs/containers.md says how.
#
#     docker build --file container/moodle.Dockerfile --build-arg MOODLE=YOUR-IMAGE --tag moodle-with-sidecar .
#
# MOODLE: any image with PHP that is made of Debian 12 or later. For php-fpm the command is another one, see CMD.
ARG MOODLE=docker.io/moodlehq/moodle-php-apache:8.3

# Of the same image, so that it is made for the Python that it will run on.
FROM ${MOODLE} AS build
# hadolint ignore=DL3002,DL3066
USER root
SHELL ["/bin/sh", "-eu", "-c"]
# hadolint ignore=DL3008
RUN apt-get update; \
    apt-get install --yes --no-install-recommends ca-certificates python3-venv
COPY container/make-venv.sh LICENSE pyproject.toml /source/
COPY requirements /source/requirements
COPY protocol /source/protocol
COPY sidecar /source/sidecar
RUN sh /source/make-venv.sh /source /opt/openai-moodle-sidecar

FROM ${MOODLE}
# Root starts both and serves nothing: Apache's workers, php-fpm's and the sidecar each have their own user.
# hadolint ignore=DL3002,DL3066
USER root
SHELL ["/bin/sh", "-eu", "-c"]
# procps: `ps aux | grep openai-moodle-sidecar` shows whether it runs.
# hadolint ignore=DL3008
RUN apt-get update; \
    apt-get install --yes --no-install-recommends ca-certificates procps python3; \
    rm -rf /var/lib/apt/lists/*; \
    groupadd --gid 10081 openai-moodle-sidecar; \
    useradd --uid 10081 --gid 10081 --groups www-data --no-log-init --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin openai-moodle-sidecar; \
    install -d -o openai-moodle-sidecar -g www-data -m 0750 /run/openai-moodle-sidecar; \
    ln -s /opt/openai-moodle-sidecar/bin/openai-moodle-sidecar /usr/local/bin/
COPY --from=build /opt/openai-moodle-sidecar /opt/openai-moodle-sidecar

# Where there is Apache, browsers read answers through it, and no worker of PHP waits for them.
COPY container/apache-sidecar.conf /opt/openai-moodle-sidecar/
RUN if command -v a2enmod; then \
        install -m 0644 /opt/openai-moodle-sidecar/apache-sidecar.conf /etc/apache2/conf-available/; \
        a2enmod --quiet headers proxy proxy_http; \
        a2enconf --quiet apache-sidecar; \
    fi

# simple: PHP's user can read the key, and starts a sidecar of its own, by stdio, where the one beside it is away.
# separated: no PHP code can read the key, which comes as a file for user 10081 then (OPENAI_API_KEY_FILE), and there is no
# such fallback. The variable of this name may say otherwise for one container.
ARG INSTALLATION=simple
ENV OPENAI_MOODLE_SIDECAR_INSTALLATION=${INSTALLATION} \
    SIDECAR_SOCKET=/run/openai-moodle-sidecar/sidecar.sock \
    SIDECAR_SOCKET_GROUP=www-data \
    SIDECAR_LOG_FILE=/var/log/sidecar.log

# Apache's folder in Moodle HQ's images, whose own entry point would set it, see CMD.
ENV APACHE_DOCUMENT_ROOT=${APACHE_DOCUMENT_ROOT:-/var/www/html}

# Of the sidecar: whether Moodle is well is not for us to say.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["openai-moodle-sidecar", "health"]
ENTRYPOINT ["openai-moodle-sidecar", "beside"]
# The entry point of all PHP images, and what they run; STOPSIGNAL still stands. That of Moodle HQ's is not here, because it
# writes into the root, which compose.yaml allows nobody: docs/containers.md says what it would do.
CMD ["docker-php-entrypoint", "apache2-foreground"]
