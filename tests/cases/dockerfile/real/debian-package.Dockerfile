# syntax=docker/dockerfile:1
FROM tools AS package
ARG VERSION=1.0
WORKDIR /build/hello
COPY --chmod=755 hello.sh usr/bin/hello
COPY <<EOT DEBIAN/control
Package: hello-script
Version: ${VERSION}
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: says hello
EOT
RUN dpkg-deb --root-owner-group --build . /build/hello.deb

FROM tools AS test
RUN --mount=from=package,source=/build,target=/build \
    dpkg-deb --contents /build/hello.deb | grep -q "root/root.* ./usr/bin/hello" && \
    dpkg-deb --field /build/hello.deb Version > /tested

FROM scratch
COPY --from=package /build/hello.deb /
COPY --from=test /tested /
