FROM busybox
COPY a <<EOF
EOF
RUN <<NEVER
closed
