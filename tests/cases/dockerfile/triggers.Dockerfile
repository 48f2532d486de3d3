FROM busybox AS tools
RUN make tools
FROM triggers AS two
RUN after $FROM_TRIGGER
FROM two AS own
ONBUILD COPY --from=tools /t /t
ONBUILD RUN --mount=from=busybox,target=/bb x
ONBUILD COPY <<F /f
text
F
FROM own
WORKDIR /last
