FROM Upper/Case AS a
FROM missing AS missin
FROM ftp://x AS c
FROM host:// AS d
FROM broken AS g
FROM triggers AS h
FROM scratch AS i
ONBUILD RUN x
FROM i AS j
FROM scratch
COPY --from=misssing a /
COPY --from=a a /
COPY --from=missin a /
COPY --from=c a /
COPY --from=d a /
COPY --from=g a /
COPY --from=h a /
COPY --from=j a /
COPY --from=host:// a /
COPY --from=missing a /
