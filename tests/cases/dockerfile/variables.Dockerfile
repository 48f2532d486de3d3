ARG VERSION=1.2.3
ARG MAJOR=${VERSION%%.*}
FROM busybox
ARG VERSION MAJOR
ARG DIR=/opt/${MAJOR:-none} EMPTY=
ENV A=1 B="two words" C='$A' D=$A$B
ENV LEGACY the rest "of the" line $A
LABEL version=$VERSION "long name"=x\ y
RUN echo $DIR ${EMPTY:+set} ${UNKNOWN-kept} "$A" '$B'
WORKDIR $DIR
COPY ${VERSION}.txt ${EMPTY:-default}/
USER ${WHO:-1000:1000}
EXPOSE $MAJOR 80-82/UDP
VOLUME /a$A /b
STOPSIGNAL ${SIG:-SIGTERM}
