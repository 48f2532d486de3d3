# syntax=docker/dockerfile:1
FROM tools AS build
WORKDIR /src
COPY app app
RUN python3 -m compileall -q app && \
    python3 -m zipapp app --main "main:main" --output /app.pyz

FROM build AS test
RUN python3 /app.pyz World > /greeting

FROM scratch
COPY --from=build /app.pyz /
COPY --from=test /greeting /
ENTRYPOINT ["python3", "/app.pyz"]
