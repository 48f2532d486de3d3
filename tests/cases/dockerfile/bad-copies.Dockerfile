FROM scratch
COPY https://example.invalid/x /
COPY git@example.invalid:x.git /
ADD https://example.invalid/x.git?colour=red /
ADD --keep-git-dir=false https://example.invalid/x.git?keep-git-dir=true /
ADD --checksum=abc https://example.invalid/x.git?checksum=def /
ADD --checksum=sha256:00 https://example.invalid/x /
ADD --checksum=sha256:00 https://example.invalid/x https://example.invalid/y /
COPY <<A /x
${A:?unset here}
A
