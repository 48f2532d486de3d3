# SPDX-License-Identifier: Apache-2.0
"""Cache, tmpfs and bind mounts while steps run, side by side and in two processes; heredocs; proxies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_agents import said
from tests.e2e.test_errors import failing
from tests.support.command import Ladle

pytestmark = pytest.mark.root
Build = Callable[..., list[str]]


@pytest.fixture
def build(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> Build:
    """Return a function that builds steps on busybox, and returns what they printed."""

    def run(text: str, *flags: str, name: str = "context", files: dict[str, str] | None = None) -> list[str]:
        where = context({"Dockerfile": f"FROM busybox\n{text}\n", **(files or {})}, name=name)
        return said(
            ladle("build", "--progress=rawjson", f"--build-context=busybox=oci-layout://{busybox}", *flags, where)
        )

    return run


def side_by_side(sharing: str, count: int = 2) -> str:
    """Return stages that use one cache at the same time: each says who came before it, and stays a while."""
    mount = f"--mount=type=cache,id=c,target=/c,sharing={sharing}"
    step = "echo in $(ls /c | wc -l); touch /c/me-$0 /c/$RANDOM; sleep 0.5; echo out $(ls /c | grep -c me)"
    stages = [
        f"FROM busybox AS s{n}\nRUN {mount} {step.replace('$0', str(n)).replace('$RANDOM', f'x{n}')} && touch /d{n}"
        for n in range(count)
    ]
    ends = "".join(f"COPY --from=s{n} /d{n} /\n" for n in range(count))
    return "\n".join([*stages, "FROM busybox", ends])


@pytest.mark.row("DF-44")
@pytest.mark.parametrize(
    ("sharing", "outs"),
    [("shared", ["out 2", "out 2"]), ("private", ["out 1", "out 1"]), ("locked", ["out 1", "out 2"])],
)
def test_sharing_of_a_cache(build: Build, sharing: str, outs: list[str]) -> None:
    lines = build(side_by_side(sharing))
    assert sorted(line for line in lines if line.startswith("out")) == outs
    assert sorted(line for line in lines if line.startswith("in"))[0] == "in 0"
    if sharing == "locked":
        assert lines == ["in 0", "out 1", "in 2", "out 2"]


@pytest.mark.row("DF-44")
def test_a_locked_cache_is_locked_between_processes(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> None:
    mount = "--mount=type=cache,target=/c,sharing=locked"
    step = "mkdir /c/held && sleep 0.4 && rmdir /c/held && echo alone"
    base = f"--build-context=busybox=oci-layout://{busybox}"
    running = []
    for name in ("a", "b", "c"):
        files = context({"Dockerfile": f"FROM busybox\nRUN {mount} {step} # {name}\n"}, name=name)
        running.append(ladle.start("build", base, files))
    for process in running:
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told.decode()


@pytest.mark.row("DF-44")
def test_owner_mode_and_first_contents_of_a_cache(build: Build) -> None:
    seed = "RUN mkdir -p /seed/in && echo seed > /seed/in/f && chmod 0751 /seed && chown 9:9 /seed/in/f"
    lines = build(
        f"""FROM busybox AS seed
{seed}
FROM busybox
RUN --mount=type=cache,target=/a stat -c '%a %u %g' /a && echo kept > /a/f
RUN --mount=type=cache,target=/b,mode=0710,uid=5,gid=6 stat -c '%a %u %g' /b && touch /b/f
RUN --mount=type=cache,target=/c,from=seed,source=/seed cat /c/in/f && stat -c %u /c/in/f && echo more > /c/in/f
RUN --mount=type=cache,target=/c,from=seed,source=/seed cat /c/in/f
RUN --mount=type=cache,target=/z,id=/a,ro cat /z/f && ! touch /z/g
RUN ls -A /a /b /c 2>&1 | sort"""
    )
    assert lines[:6] == ["755 0 0", "710 5 6", "seed", "9", "more", "kept"]
    assert "Read-only" in lines[6]
    assert all("No such file" in line for line in lines[7:])
    assert len(lines) == 10


@pytest.mark.row("DF-45")
@pytest.mark.parametrize("executor", ["crun", "native"])
def test_a_tmpfs_has_a_size_and_is_gone_after_the_step(build: Build, executor: str) -> None:
    lines = build(
        """RUN --mount=type=tmpfs,target=/t,size=1m head -c 900000 /dev/zero > /t/a && echo fits; \
    head -c 300000 /dev/zero > /t/b || echo full
RUN ls /t || echo gone""",
        f"--executor={executor}",
    )
    assert ["fits" in lines, "full" in lines, "gone" in lines] == [True] * 3


@pytest.mark.row("DF-43", "DF-48")
def test_what_is_written_to_a_bind_is_thrown_away(build: Build) -> None:
    steps = """RUN --mount=target=/ctx,rw echo changed > /ctx/f && rm /ctx/g && cat /ctx/f
RUN --mount=target=/ctx cat /ctx/f /ctx/g && ! touch /ctx/f
WORKDIR /w
RUN --mount=source=f,target=here cat /w/here
RUN ls -A / /w"""
    lines = build(steps, files={"f": "first\n", "g": "second\n"})
    assert lines[:3] == ["changed", "first", "second"]
    assert "Read-only" in lines[3]
    assert lines[4] == "first"
    assert "ctx" not in lines[5:]
    assert "here" not in lines[5:]


@pytest.mark.row("DF-12", "DF-13")
def test_heredocs_run_by_their_interpreters(build: Build) -> None:
    lines = build(
        """RUN <<one
echo first
echo second
one
RUN <<two
#!/bin/cat
the script is shown
two
RUN cat <<three && echo after
in the shell
three
RUN ls /dev/pipes 2>/dev/null || echo gone"""
    )
    assert lines == ["first", "second", "#!/bin/cat", "the script is shown", "in the shell", "after", "gone"]


@pytest.mark.row("DF-60")
def test_proxy_arguments_are_the_steps_and_no_part_of_its_key(build: Build) -> None:
    step = 'RUN echo "$http_proxy $HTTP_PROXY $no_proxy"'
    assert build(step, "--build-arg=http_proxy=http://p:1", "--build-arg=NO_PROXY=x") == ["http://p:1 http://p:1 x"]
    assert build(step, "--build-arg=http_proxy=http://other:2") == []


@pytest.mark.row("DF-43")
def test_a_source_that_is_not_there(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> None:
    files = context({"Dockerfile": "FROM busybox\nRUN --mount=source=lost,target=/x true\n"})
    told = failing(ladle, "build", f"--build-context=busybox=oci-layout://{busybox}", files)
    assert "lost" in told
    assert "Dockerfile:2" in told
