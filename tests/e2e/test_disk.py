# SPDX-License-Identifier: Apache-2.0
"""The store on its disk: what `du` says, what `prune` takes, and a cap that builds keep by themselves."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ladle

Write = Callable[..., Path]

_BIG = "RUN head -c {size} /dev/urandom > /f{number}\n"


def used(ladle: Ladle) -> int:
    """Return what `du` of the machine says of the store."""
    done = subprocess.run(["du", "-s", "--block-size=1", ladle.store], capture_output=True, check=False)
    return int((done.stdout.split() or [b"0"])[0])


def listed(ladle: Ladle, *flags: str) -> dict[str, Any]:
    """Return what `ladle du` says."""
    found: dict[str, Any] = json.loads(ladle("du", "--format", "json", *flags).stdout)
    return found


def dockerfile(*sizes: int) -> dict[str, str]:
    """Return a build file with a step for each size."""
    steps = "".join(_BIG.format(size=size, number=number) for number, size in enumerate(sizes))
    return {"Dockerfile": f"FROM base\nRUN --mount=type=cache,target=/c echo x > /c/x\n{steps}"}


@pytest.fixture
def build(ladle: Ladle, context: Write) -> Callable[..., Any]:
    """Return a function that builds steps of some sizes on this machine's own tools."""

    def run(*sizes: int, **more: Any) -> Any:
        directory = context(dockerfile(*sizes), name=f"context-{len(sizes)}-{sum(sizes)}")
        return ladle("build", "--build-context", "base=host://", directory, **more)

    return run


@pytest.mark.row("DM-22")
def test_du_is_what_the_disk_says(ladle: Ladle, build: Callable[..., Any]) -> None:
    build(3_000_000, 2_000_000)
    found = listed(ladle)
    assert abs(found["total"] - used(ladle)) <= found["total"] // 100
    kinds = {item["type"] for item in found["items"]}
    assert {"regular", "exec.cachemount"} <= kinds
    steps = {item["description"]: item for item in found["items"]}
    big = next(item for name, item in steps.items() if "3000000" in name)
    assert 3_000_000 <= big["size"] < 3_100_000
    assert big["shared"]
    text = ladle("du").stdout.decode()
    assert "RUN head -c 3000000" in text
    assert "Total:" in text
    assert "usage_count:" in ladle("du", "--verbose", "--filter", "type==regular").stdout.decode()


@pytest.mark.row("DM-15")
def test_prune_says_why_and_the_next_build_is_right(ladle: Ladle, build: Callable[..., Any]) -> None:
    build(3_000_000)
    before = used(ladle)
    dry = ladle("prune", "--dry-run").stdout.decode()
    assert "would go" in dry
    assert "not used for" in dry
    assert used(ladle) == before
    said = ladle("prune", "--filter", "type==regular", "--max-used-space", "1MB").stdout.decode()
    assert "3MB of" in said or "taken" in said
    assert used(ladle) < 2_000_000
    assert [item["type"] for item in listed(ladle)["items"]].count("exec.cachemount") == 1
    ladle("store", "check")
    build(3_000_000)
    ladle("prune", "--all", "--keep-duration", "1h")
    assert used(ladle) > 3_000_000
    ladle("prune", "--all")
    assert {item["type"] for item in listed(ladle)["items"]} <= {"internal"}
    ladle("store", "check")


@pytest.mark.row("SV-33")
def test_a_cap_holds_from_build_to_build(ladle: Ladle, build: Callable[..., Any], tmp_path: Path) -> None:
    config = tmp_path / "ladle.toml"
    config.write_text('[gc]\nmaxUsedSpace = "9MB"\n')
    ladle.env["LADLE_CONFIG"] = str(config)
    for number in range(4):
        build(3_000_000 + number, 2_000_000)
        assert used(ladle) < 9 << 20
    ladle("store", "check")


def test_what_a_running_build_uses_never_goes(ladle: Ladle, context: Write) -> None:
    text = "FROM base\n" + _BIG.format(size=2_000_000, number=0) + "RUN sleep 3; test -s /f0; ls -l /f0\n"
    directory = context({"Dockerfile": text})
    running = ladle.start("build", "--build-context", "base=host://", "--progress", "plain", directory)
    end = time.monotonic() + 20
    while time.monotonic() < end and used(ladle) < 2_000_000:
        time.sleep(0.05)
    said = ladle("prune", "--all").stdout.decode()
    assert "in use" in said
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors.decode()
    ladle("store", "check")


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["du", "--filter", "size>3"], "ST0022"),
        (["prune", "--max-used-space", "much"], "ST0020"),
        (["prune", "--keep-duration", "long"], "ST0021"),
        (["du", "--format", "xml"], "LA0185"),
    ],
)
def test_flags_that_are_not_valid_are_named(ladle: Ladle, flags: list[str], code: str) -> None:
    done = ladle(*flags, check=False)
    assert done.returncode == 2
    assert code in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_an_ordinary_user_s_store_is_counted_and_pruned(user_ladle: Ladle, user_home: Path) -> None:
    directory = user_home / "context"
    directory.mkdir()
    (directory / "Dockerfile").write_text(dockerfile(2_000_000)["Dockerfile"])
    user_ladle("build", "--build-context", "base=host://", directory)
    found = listed(user_ladle)
    assert abs(found["total"] - used(user_ladle)) <= found["total"] // 100
    user_ladle("prune", "--all")
    assert used(user_ladle) < 1_000_000
    user_ladle("store", "check")
    user_ladle("build", "--build-context", "base=host://", directory)
