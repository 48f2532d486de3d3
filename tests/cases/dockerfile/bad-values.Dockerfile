FROM scratch
ENV A="${x:?must be set}"
ENV "${y}"=1
LABEL a="open
EXPOSE 80x
EXPOSE 1/icmp
EXPOSE 9-1
EXPOSE 70000
EXPOSE x.y:1:2
EXPOSE 1-3:5-6
EXPOSE /tcp "a
STOPSIGNAL NOPE
STOPSIGNAL 0
COPY --chmod=99 a b
COPY --chmod=77777 a b
RUN --network=wifi x
RUN --security=none x
RUN --security=insecure x
ADD --checksum=sha256:00 a b
ADD https://example.invalid/x /
ADD git@example.invalid:x.git /
VOLUME $z
ARG B=${c
WORKDIR ${A##\\a}
USER ${}
RUN fine ${not looked at
