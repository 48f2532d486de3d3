# syntax=docker/dockerfile:1
# check=error=true
FROM tools AS build
RUN mkdir -p /out/etc/ssl/certs /out/tmp && chmod 1777 /out/tmp && \
    cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/
RUN <<EOT
echo "app:x:10001:10001::/nonexistent:/sbin/nologin" > /out/etc/passwd
echo "app:x:10001:" > /out/etc/group
EOT
COPY --chmod=0755 server /out/server

FROM scratch
COPY --from=build /out/ /
USER app
EXPOSE 8443
ENTRYPOINT ["/server"]
