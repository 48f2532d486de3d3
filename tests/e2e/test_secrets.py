# SPDX-License-Identifier: Apache-2.0
"""Secrets in steps: how they are there, and that their bytes are nowhere once the build has ended."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_agents import said
from tests.e2e.test_errors import failing
from tests.support.command import Ladle

pytestmark = pytest.mark.root

FILE, VARIABLE = "file-hunter2-0451", "variable-swordfish-77"
DOCKERFILE = """\
FROM busybox
RUN --mount=type=secret,id=f stat -c '%a %u %g %s' /run/secrets/f && cat /run/secrets/f
RUN --mount=type=secret,id=f,target=/srv/f,mode=0440,uid=3,gid=4 stat -c '%a %u %g' /srv/f
RUN --mount=type=secret,id=v,env=TOKEN test "$TOKEN" = "$(echo variable-sword)fish-77" && echo "is $TOKEN"
RUN --mount=type=secret,id=v,env=TOKEN,target=/t test "$TOKEN" = "$(cat /t)" && echo both
RUN --mount=type=secret,id=none test ! -e /run/secrets/none && echo nothing
RUN --mount=type=secret,id=f dd bs=1 if=/run/secrets/f 2>/dev/null
RUN ls /run/secrets /srv/f || echo gone
"""


@pytest.fixture
def flags(busybox: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "f").write_text(f"{FILE}\n")
    base = f"--build-context=busybox=oci-layout://{busybox}"
    return [base, f"--secret=id=f,src={tmp_path}/f", "--secret=id=v,env=SECRET_VARIABLE"]


def holding(tree: Path, *values: str) -> list[Path]:
    """Return the files below a directory that hold one of the values, in their content or name."""
    found = []
    for folder, _, names in os.walk(tree):
        for path in (Path(folder, name) for name in names):
            data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            if any(value.encode() in data or value in str(path) for value in values):
                found.append(path)
    return found


@pytest.mark.row("DF-46", "SE-18", "SE-19", "DF-48")
@pytest.mark.parametrize("executor", ["crun", "native"])
def test_secrets_are_in_their_steps_and_nowhere_else(
    ladle: Ladle, context: Callable[..., Path], flags: list[str], tmp_path: Path, executor: str
) -> None:
    outputs = [f"--output=type=oci,dest={tmp_path}/out/o,tar=false,compression=uncompressed"]
    outputs += [f"--output=type=local,dest={tmp_path}/out/l", f"--metadata-file={tmp_path}/out/m.json"]
    (tmp_path / "out").mkdir()
    env = {"SECRET_VARIABLE": VARIABLE}
    files = context({"Dockerfile": DOCKERFILE})
    done = ladle("build", "--progress=rawjson", f"--executor={executor}", *flags, *outputs, files, env=env)
    lines = said(done)
    expected = [f"400 0 0 {len(FILE) + 1}", "***", "440 3 4", "is ***", "both", "nothing", "***"]
    assert lines[:7] == expected
    assert "gone" in lines[7:]
    for said_by_ladle in (done.stdout, done.stderr):
        assert FILE.encode() not in said_by_ladle
        assert VARIABLE.encode() not in said_by_ladle
    assert holding(ladle.store, FILE, VARIABLE) == []
    assert holding(tmp_path / "out", FILE, VARIABLE) == []
    again = ladle("build", "--progress=rawjson", f"--executor={executor}", *flags, files, env={"SECRET_VARIABLE": "x"})
    assert said(again) == []


@pytest.mark.row("DF-46")
def test_a_failing_step_that_prints_a_secret(
    ladle: Ladle, context: Callable[..., Path], flags: list[str], tmp_path: Path
) -> None:
    files = context({"Dockerfile": "FROM busybox\nRUN --mount=type=secret,id=f cat /run/secrets/f >&2; exit 3\n"})
    told = failing(ladle, "build", *flags, files)
    assert "exit code: 3" in told
    assert "  | ***" in told
    assert FILE not in told
    assert holding(ladle.store, FILE) == []


@pytest.mark.row("DF-46", "DF-86")
def test_a_secret_that_is_required_and_missing(ladle: Ladle, context: Callable[..., Path], flags: list[str]) -> None:
    for mount in ("id=token,required", "id=token,env=TOKEN,required=true"):
        files = context({"Dockerfile": f"FROM busybox\nRUN --mount=type=secret,{mount} true\n"})
        told = failing(ladle, "build", *flags, files)
        assert "secret token: not found" in told
        assert f"   2 | >>> RUN --mount=type=secret,{mount} true" in told
        assert "--secret id=token,src=FILE" in told
