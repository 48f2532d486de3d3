FROM busybox
RUN --network=none   echo   "spaces   kept"
RUN ["/bin/echo", "a b", "\u00e9\n"]
RUN ['not', 'json']
RUN [ "also", not json ]
RUN --network=host --security=sandbox -- --flag-like
HEALTHCHECK NONE
CMD
ENTRYPOINT []
RUN cat <<< "no here-document" && x=$((1<<2))
