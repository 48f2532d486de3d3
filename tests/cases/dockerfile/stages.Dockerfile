# syntax=docker/dockerfile:1
ARG BASE=busybox

# build makes the program
FROM --platform=$BUILDPLATFORM ${BASE}:1.36 AS Build
ARG TARGETARCH
WORKDIR /src
COPY src/ ./
RUN make ARCH=$TARGETARCH

FROM scratch AS unused
COPY never.txt /

FROM build AS test
RUN make test

FROM busybox
COPY --from=build /src/out /usr/bin/
COPY --from=2 /src/report /
COPY --from=alpine:3 /etc/alpine-release /
CMD ["/usr/bin/out"]
