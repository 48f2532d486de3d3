FROM scratch AS one
COPY --from=two a b
FROM scratch AS two
COPY --from=one a b
