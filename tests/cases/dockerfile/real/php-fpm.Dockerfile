# syntax=docker/dockerfile:1
FROM composer:2 AS vendor
WORKDIR /app
COPY composer.json composer.lock ./
RUN --mount=type=cache,target=/tmp/cache \
    composer install --no-dev --no-scripts --no-interaction --prefer-dist

FROM php:8.3-fpm AS base
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt,sharing=locked <<EOT
apt-get update
apt-get install --yes --no-install-recommends libzip-dev
docker-php-ext-install pdo_mysql zip
EOT
COPY <<EOT /usr/local/etc/php/conf.d/zz-app.ini
memory_limit = 256M
date.timezone = UTC
EOT

FROM base AS final
WORKDIR /var/www/html
COPY --link --chown=33:33 ./public ./public
COPY --link --chown=33:33 ./src ./src
COPY --link --from=vendor --chown=33:33 /app/vendor ./vendor
VOLUME ["/var/www/html/storage"]
USER www-data
