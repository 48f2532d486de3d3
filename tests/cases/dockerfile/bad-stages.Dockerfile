ARG NOTHING
FROM ${NOTHING}
FROM --platform=$NOTHING scratch
FROM --platform=no/where/at/all scratch
FROM a${b AS c
FROM scratch
COPY --from=$x a b
COPY --from=12 a b
COPY --from=-1 a b
