# SPDX-License-Identifier: Apache-2.0
"""Arguments of a build when it runs: scopes, platforms, proxies, SOURCE_DATE_EPOCH (1.7 and 1.8 of the list)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.dockerfile.conftest import Repository
from tests.support.command import Ladle, steps
from tests.support.servers import COMMIT_DATE, Site, archive

Built = Callable[..., Path]
MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"
COMMITTED = "2022-04-15T05:20:00Z"


def config_of(path: Path) -> dict[str, Any]:
    """Return the image config in an OCI tar."""
    command = ["skopeo", "inspect", "--config", "--raw", f"oci-archive:{path}"]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


@pytest.fixture
def config(ladle: Ladle, context: Callable[..., Path], busybox: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that builds a Dockerfile, or a fetched context, and gives the image config."""

    def build(dockerfile: str, *flags: str | Path, place: str = "", **env: str) -> dict[str, Any]:
        base = f"--build-context=busybox=oci-layout://{busybox}"
        where = place or context({"Dockerfile": dockerfile, "a": ""})
        ladle("build", base, *flags, "-o", f"type=oci,dest={tmp_path}/image.tar", where, env=env)
        return config_of(tmp_path / "image.tar")

    return build


@pytest.mark.row("DF-73", "DF-74")
def test_scopes(built: Built) -> None:
    out = built(
        """\
ARG GLOBAL=global
ARG BASE=busybox
FROM $BASE AS first
ARG GLOBAL
ARG OWN=own
ENV E=env
ARG E=arg
RUN echo "$GLOBAL $OWN $GIVEN $E" > /first
FROM first AS second
ARG GIVEN=default
RUN echo "$OWN $GIVEN" > /second
FROM busybox AS third
RUN echo "[$GLOBAL$OWN]" > /third
FROM scratch
COPY --from=second /first /second /
COPY --from=third /third /
""",
        "--build-arg=GIVEN=given",
    )
    assert (out / "first").read_text() == "global own  arg\n"
    assert (out / "second").read_text() == "own given\n"
    assert (out / "third").read_text() == "[]\n"


@pytest.mark.row("DF-75")
def test_arguments_count_for_steps_but_not_for_copies(
    ladle: Ladle, context: Callable[..., Path], busybox: Path
) -> None:
    dockerfile = "FROM busybox\nARG A\nCOPY a /\nFROM busybox\nARG A\nRUN true\nCOPY --from=0 /a /\n"
    directory = context({"Dockerfile": dockerfile, "a": ""})
    base = f"--build-context=busybox=oci-layout://{busybox}"
    ladle("build", base, "--build-arg=A=1", directory)
    again = steps(ladle("build", base, "--build-arg=A=2", directory), "DONE")
    assert [name.partition("] ")[2] for name in again if "FROM" not in name] == ["RUN true", "COPY --from=0 /a /"]


@pytest.mark.row("DF-41", "DF-60")
def test_proxies_are_seen_by_steps_but_by_nothing_else(
    ladle: Ladle, context: Callable[..., Path], busybox: Path, tmp_path: Path
) -> None:
    dockerfile = "FROM busybox\nARG A=1\nRUN echo $http_proxy $HTTP_PROXY $no_proxy > /seen\n"
    directory = context({"Dockerfile": dockerfile})
    flags = (f"--build-context=busybox=oci-layout://{busybox}", "-o", f"type=oci,dest={tmp_path}/image.tar")
    one = ("--build-arg=HTTP_PROXY=http://user:word@one.invalid", "--build-arg=no_proxy=x")
    ladle("build", *flags, "-o", tmp_path / "out", *one, directory)
    assert (tmp_path / "out" / "seen").read_text() == "http://user:word@one.invalid " * 2 + "x\n"
    config = json.dumps(config_of(tmp_path / "image.tar"))
    assert "RUN |1 A=1 /bin/sh -c echo" in config
    assert "word" not in config
    again = ladle("build", *flags, "--build-arg=HTTP_PROXY=http://two.invalid", directory)
    assert not [name for name in steps(again, "DONE") if "RUN" in name]


@pytest.mark.row("DF-64")
def test_the_name_of_the_sandbox(built: Built) -> None:
    dockerfile = "FROM busybox\nRUN hostname > /name\n"
    assert (built(dockerfile) / "name").read_text() == "buildkitsandbox\n"
    assert (built(dockerfile, "--build-arg=BUILDKIT_SANDBOX_HOSTNAME=here") / "name").read_text() == "here\n"


@pytest.mark.row("DF-65")
def test_caches_of_another_namespace(built: Built) -> None:
    dockerfile = "FROM busybox\nARG N\nRUN --mount=type=cache,target=/c echo $N >> /c/log; cp /c/log /log\n"
    for number, space, expected in (("1", "a", "1\n"), ("2", "b", "2\n"), ("3", "a", "1\n3\n")):
        out = built(dockerfile, f"--build-arg=N={number}", f"--build-arg=BUILDKIT_CACHE_MOUNT_NS={space}")
        assert (out / "log").read_text() == expected


@pytest.mark.row("DF-62")
def test_the_git_folder_of_a_context(ladle: Ladle, repository: Repository, tmp_path: Path) -> None:
    flags = ("--build-arg=BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", "-o", tmp_path / "out")
    ladle("build", *flags, repository.url)
    assert (tmp_path / "out" / "all" / ".git" / "HEAD").exists()


@pytest.mark.row("DF-69")
def test_an_epoch_is_the_time_of_everything(config: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    dockerfile = "FROM busybox\nARG SOURCE_DATE_EPOCH\nCOPY a /\nWORKDIR /w\nRUN echo $SOURCE_DATE_EPOCH > /e\n"
    found = config(dockerfile, "-o", tmp_path / "out", SOURCE_DATE_EPOCH="1700000000")
    assert found["created"] == "2023-11-14T22:13:20Z"
    assert {entry["created"] for entry in found["history"][1:]} == {"2023-11-14T22:13:20Z"}
    assert (tmp_path / "out" / "e").read_text() == "1700000000\n"
    assert (tmp_path / "out" / "a").stat().st_mtime == 1700000000


@pytest.mark.row("DF-69", "DF-78")
def test_the_epoch_of_the_context(
    config: Callable[..., dict[str, Any]], repository: Repository, site: Site, tmp_path: Path
) -> None:
    flag = "--build-arg=SOURCE_DATE_EPOCH=context"
    assert config("", flag, place=repository.url)["created"] == COMMITTED
    dated = archive({"Dockerfile": "FROM scratch\nCOPY . /\n"}, mtime=COMMIT_DATE)
    assert config("", flag, place=site.put("/plain", dated))["created"] == COMMITTED
    headed = site.put("/headed", dated, Last_Modified=MODIFIED)
    assert config("", flag, place=headed)["created"] == "2023-11-14T22:13:20Z"
    assert config("FROM scratch\nCOPY a /\n", flag)["created"] not in (COMMITTED, "2023-11-14T22:13:20Z")


@pytest.mark.row("DF-69")
@pytest.mark.parametrize("given", ["stage", "other", "file"])
def test_the_epoch_of_a_stage_or_a_named_context(
    config: Callable[..., dict[str, Any]], repository: Repository, site: Site, given: str
) -> None:
    url = site.put("/x", b"", Last_Modified=MODIFIED)
    dockerfile = f"FROM scratch AS stage\nADD {repository.url}#v1 /\nFROM busybox\nARG SOURCE_DATE_EPOCH\nCOPY a /\n"
    flags = (f"--build-context=other={repository.url}", f"--build-context=file={url}")
    found = config(dockerfile, *flags, f"--build-arg=SOURCE_DATE_EPOCH={given}")
    assert found["created"] == ("2023-11-14T22:13:20Z" if given == "file" else COMMITTED)
    assert (
        found["history"][-2]["created_by"] == f"ARG SOURCE_DATE_EPOCH={1700000000 if given == 'file' else COMMIT_DATE}"
    )


@pytest.mark.row("DF-69")
@pytest.mark.parametrize("given", ["yesterday", "99999999999999", "other"])
def test_epochs_that_are_none(ladle: Ladle, context: Callable[..., Path], given: str) -> None:
    directory = context({"Dockerfile": "FROM scratch AS other\nCOPY a /\nFROM other\n", "a": ""})
    done = ladle("build", f"--build-arg=SOURCE_DATE_EPOCH={given}", directory, check=False)
    assert done.returncode == 1
    assert f'invalid SOURCE_DATE_EPOCH: "{given}"' in done.stderr.decode()


@pytest.fixture
def triggers(ladle: Ladle, context: Callable[..., Path], busybox: Path, tmp_path: Path) -> Path:
    """Return a layout with an image that has triggers, made by ladle."""
    dockerfile = """\
FROM busybox
ONBUILD ARG WHO=nobody
ONBUILD RUN echo "1 $WHO" >> /log
ONBUILD COPY --from=other /made /
ONBUILD RUN echo 2 >> /log
ONBUILD ENV FIRED=yes
"""
    directory = context({"Dockerfile": dockerfile}, "triggers")
    ladle(
        "build",
        f"--build-context=busybox=oci-layout://{busybox}",
        "-o",
        f"type=oci,dest={tmp_path}/t,tar=false",
        directory,
    )
    return tmp_path / "t"


@pytest.mark.row("DF-34")
def test_triggers_fire_once_in_their_order(
    config: Callable[..., dict[str, Any]], triggers: Path, tmp_path: Path
) -> None:
    base = f"--build-context=base=oci-layout://{triggers}"
    dockerfile = (
        "FROM busybox AS other\nRUN echo x > /made\nFROM base AS child\nRUN echo 3 $FIRED >> /log\nFROM child\n"
    )
    found = config(dockerfile, base, "--build-arg=WHO=me", "-o", tmp_path / "out")
    assert (tmp_path / "out" / "log").read_text() == "1 me\n2\n3 yes\n"
    assert (tmp_path / "out" / "made").read_text() == "x\n"
    assert "OnBuild" not in found["config"]
    assert "FIRED=yes" in found["config"]["Env"]


@pytest.mark.row("DF-31", "DF-33", "DF-35", "DF-36", "DF-37", "DF-38")
def test_what_a_container_is_told(config: Callable[..., dict[str, Any]]) -> None:
    found = config("""\
FROM busybox
SHELL ["/bin/sh", "-ec"]
HEALTHCHECK --interval=5m --timeout=3s --start-period=1h --start-interval=250ms --retries=4 CMD test -e /x
STOPSIGNAL SIGQUIT
USER 5:6
VOLUME /v
EXPOSE 80 53/udp
ENTRYPOINT exec top
CMD ["-b"]
""")["config"]
    assert found["Shell"] == ["/bin/sh", "-ec"]
    assert found["Healthcheck"] == {
        "Test": ["CMD-SHELL", "test -e /x"],
        "Interval": 300_000_000_000,
        "Timeout": 3_000_000_000,
        "StartPeriod": 3_600_000_000_000,
        "StartInterval": 250_000_000,
        "Retries": 4,
    }
    assert (found["StopSignal"], found["User"], found["Cmd"]) == ("SIGQUIT", "5:6", ["-b"])
    assert found["Entrypoint"] == ["/bin/sh", "-ec", "exec top"]
    assert (found["Volumes"], set(found["ExposedPorts"])) == ({"/v": {}}, {"80/tcp", "53/udp"})
