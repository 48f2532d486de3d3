FROM scratch
MAINTAINER Some One <one@example.invalid>
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
CMD echo $HOME
ENTRYPOINT ["/entry", "with \"quotes\"", "tab\t"]
HEALTHCHECK --interval=90s --timeout=1.5s --start-period=500ms --start-interval=2h --retries=3 \
  CMD ["/check", "--now"]
ONBUILD RUN echo later
onbuild  COPY . /app
EXPOSE 8080 53/udp 127.0.0.1:90:91/sctp
VOLUME ["/data", "/with space"]
USER app:staff
STOPSIGNAL RTMIN+3
LABEL a=1 a=2
