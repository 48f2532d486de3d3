# syntax=docker/dockerfile:1
FROM tools AS site
WORKDIR /site
COPY pages pages
RUN mkdir html && for page in pages/*.txt; do \
      name=$(basename "$page" .txt); \
      { echo "<h1>$name</h1>"; cat "$page"; } > "html/$name.html"; \
    done

FROM server
LABEL org.opencontainers.image.title="A static site"
COPY --from=site /site/html /www/
COPY --chmod=644 <<"EOT" /etc/httpd.conf
A:*
.html:text/html; charset=$UTF
EOT
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["/bin/busybox", "httpd", "-f", "-h", "/www", "-c", "/etc/httpd.conf"]
