# SPDX-License-Identifier: Apache-2.0
"""What the workloads are built from: a base image, contexts of many files or of a big one, Dockerfiles."""

from __future__ import annotations

import os
import random
from pathlib import Path

from tests.support.images import BUSYBOX_CONFIG, Layout, busybox_layer

FILES = 50_000
DIRECTORIES = 500
BIG = 1 << 30
STAGES = 300
GROUP = 30


def base(directory: Path) -> Path:
    """Make an OCI layout with a busybox image tagged `latest`."""
    Layout(directory).image("latest", BUSYBOX_CONFIG, [busybox_layer()])
    return directory


def context(directory: Path, dockerfile: str) -> Path:
    """Make a context of a Dockerfile and 50 small files."""
    (directory / "src").mkdir(parents=True)
    (directory / "Dockerfile").write_text(dockerfile)
    for number in range(50):
        (directory / "src" / f"file{number}.txt").write_text(f"content {number}\n" * 20)
    return directory


def tree(directory: Path) -> Path:
    """Make a context of 50,000 files of 1 to 4 KB in 500 directories below `tree`."""
    pick = random.Random(1)
    noise = pick.randbytes(8192)
    for folder in range(DIRECTORIES):
        below = directory / "tree" / f"d{folder:03}"
        below.mkdir(parents=True)
        for number in range(FILES // DIRECTORIES):
            start = pick.randrange(4096)
            descriptor = os.open(below / f"f{number:03}", os.O_WRONLY | os.O_CREAT, 0o644)
            os.write(descriptor, b"%d %d\n" % (folder, number) + noise[start : start + pick.randrange(1024, 4096)])
            os.close(descriptor)
    (directory / "Dockerfile").write_text("FROM scratch\nCOPY tree /src\n")
    return directory


def change_one(directory: Path, number: int) -> None:
    """Change one file of the tree, a different one each time."""
    path = directory / "tree" / f"d{number * 7 % DIRECTORIES:03}" / "f007"
    path.write_bytes(b"changed %d\n" % number + path.read_bytes())


def big(directory: Path) -> Path:
    """Make a context of one half-compressible file of 1 GiB."""
    directory.mkdir()
    pick = random.Random(2)
    with (directory / "big").open("wb") as file:
        while file.tell() < BIG:
            noise = pick.randbytes(32 << 10)
            text = b"%x" % pick.getrandbits(8 * 8 << 10)
            file.write(noise + text[: 16 << 10] + bytes(16 << 10))
    (directory / "Dockerfile").write_text("FROM scratch\nCOPY big /big\n")
    return directory


NOOP = """FROM busybox AS one
RUN echo one > /one
COPY src /src
RUN cat /src/* > /all
FROM busybox AS two
COPY --from=one /all /two
RUN wc /two > /count
FROM busybox AS three
RUN echo three > /three
FROM busybox
COPY --from=two /count /count
COPY --from=three /three /three
"""

USUAL = """# syntax=docker/dockerfile:1
ARG TAG=latest
FROM busybox:${TAG} AS base
ENV LANG=C.UTF-8 PATH=/opt/app/bin:$PATH
WORKDIR /src

FROM base AS deps
ARG MODE=release
COPY src/file1.txt src/file2.txt ./
RUN --mount=type=cache,target=/root/.cache \\
    fetch --mode "$MODE" file1.txt
RUN verify file2.txt && \\
    rm -rf /tmp/*

FROM deps AS build
ARG REVISION
ENV REVISION=${REVISION:-none}
COPY src ./src
RUN make all
RUN make test
RUN install -D out/app /opt/app/bin/app

FROM base AS final
ARG REVISION
LABEL org.opencontainers.image.title=app \\
      org.opencontainers.image.revision=$REVISION
COPY --from=build --chown=1000:1000 /opt/app /opt/app
COPY --from=deps /src/file2.txt /etc/app/
USER 1000
WORKDIR /opt/app
EXPOSE 8080/tcp
VOLUME ["/var/lib/app"]
HEALTHCHECK --interval=30s CMD ["app", "ping"]
ENTRYPOINT ["app"]
CMD ["serve"]
"""

PARALLEL = "".join(f"FROM busybox AS s{n}\nRUN sleep 1; echo {n} > /out{n}\n" for n in range(8)) + (
    "FROM scratch\n" + "".join(f"COPY --from=s{n} /out{n} /\n" for n in range(8))
)

DEEP = "FROM busybox\n" + "RUN true\n" * 100


def wide() -> str:
    """Return a Dockerfile of 300 stages with a step each, joined by 310 copies."""
    lines = [f"FROM busybox AS s{n}\nRUN true {n}\n" for n in range(STAGES)]
    groups = range(STAGES // GROUP)
    for group in groups:
        lines.append(f"FROM scratch AS g{group}\n")
        lines += [f"COPY --from=s{n} /etc/passwd /{n}\n" for n in range(group * GROUP, group * GROUP + GROUP)]
    lines.append("FROM scratch\n")
    lines += [f"COPY --from=g{group} / /{group}/\n" for group in groups]
    return "".join(lines)


def long(instructions: int) -> str:
    """Return a Dockerfile of about so many instructions of the usual kinds, in stages of 50."""
    kinds = (
        'ENV V{n}="value {n}"',
        'RUN make "target{n}" --flag=$V{m} && install -d /opt/{n}',
        "COPY src/file1.txt /opt/{n}/",
        "WORKDIR /opt/{n}",
        "LABEL l{n}=v{n}",
    )
    lines = []
    for n in range(instructions):
        line = "FROM busybox AS s{n}" if n % 50 == 0 else kinds[n % len(kinds)]
        lines.append(line.replace("{n}", str(n)).replace("{m}", str(n - n % 5)))
    return "\n".join(lines) + "\n"
