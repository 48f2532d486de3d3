FROM --platfrom=linux/amd64 scratch
COPY --chown=1 --chown=2 a b
COPY --chown a b
COPY --link=maybe a b
COPY --link= a b
RUN \
  --netwrok=none \
  true
USER --x root
