FROM scratch AS one
COPY --from=two a b
FROM scratch AS two
FROM scratch
COPY --from=one a b
