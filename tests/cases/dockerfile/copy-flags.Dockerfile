FROM busybox AS one
FROM one
WORKDIR /w
COPY --link a /d/
COPY --link --chown=1:2 --from=one /x rel
COPY --link --chmod=755 a /d/
COPY --parents a/b.txt ./c/./d/*.go /abs/./e lit\*eral /p/
COPY --parents --from=one /usr/./lib /q/
COPY --exclude=*.md --exclude=**/.git . /all/
ADD --unpack a.tar.gz /u/
ADD --unpack=false a.tar.gz /v/
ADD https://example.invalid/dir/file%20name.tgz?x=1 https://example.invalid /got/
ADD --unpack --chmod=644 --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 https://example.invalid/x.tar /t/
ADD https://example.invalid/x.git#main:sub git@example.invalid:a/b.git /g/
ADD --keep-git-dir --checksum=abcdef https://example.invalid/x.git?submodules=false /g/
ADD github.com/looks/like/a/path /g/
