# SPDX-License-Identifier: Apache-2.0
"""ssh agents in steps: OpenSSH's own client uses them, for whom they are meant, and nothing of them stays."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.test_errors import failing
from tests.support.agents import make_key, public, running_agent
from tests.support.command import Ladle

pytestmark = pytest.mark.root

DOCKERFILE = """\
FROM host://
RUN --mount=type=ssh,mode=0640,gid=5 stat -c '%a %u %g' $SSH_AUTH_SOCK && ssh-add -L && ! ssh-add -D
RUN --mount=type=ssh,id=keys,required,uid=33,target=/srv/agent \
    setpriv --reuid=33 --regid=33 --clear-groups ssh-add -L && ! setpriv --reuid=34 --clear-groups ssh-add -L
RUN --mount=type=ssh,id=nobody echo without $SSH_AUTH_SOCK && ! ls $SSH_AUTH_SOCK
RUN --mount=type=ssh --mount=type=ssh,id=keys ls /run/buildkit && SSH_AUTH_SOCK=/run/buildkit/ssh_agent.1 ssh-add -L
"""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make_key(tmp_path)


@pytest.fixture
def agent(key: Path) -> Iterator[Path]:
    """Return the socket of an agent with the key."""
    with running_agent(key) as path:
        yield path


def said(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    """Return the lines that steps printed, from `--progress=rawjson`."""
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith(b"{")]
    return "".join(event["data"] for event in events if event["type"] == "log").splitlines()


@pytest.mark.row("DF-47", "SE-18", "DM-27")
@pytest.mark.parametrize("executor", ["crun", "native"])
def test_a_step_lists_and_signs_and_does_no_more(
    ladle: Ladle, context: Callable[..., Path], agent: Path, key: Path, tmp_path: Path, executor: str
) -> None:
    other = make_key(tmp_path, "ecdsa")
    flags = [
        "--progress=rawjson",
        "--ssh=default",
        f"--ssh=keys={other}",
        f"--executor={executor}",
        f"--output=type=tar,dest={tmp_path}/o.tar",
    ]
    files = context({"Dockerfile": DOCKERFILE})
    done = ladle("build", *flags, files, env={"SSH_AUTH_SOCK": str(agent)})
    lines = said(done)
    assert lines[0] == "640 0 5"
    assert lines[1].startswith(public(key))
    assert sum(line.startswith(public(other)) for line in lines) == 2
    assert "without /run/buildkit/ssh_agent.0" in lines
    assert lines[-3:-1] == ["ssh_agent.0", "ssh_agent.1"]
    with tarfile.open(tmp_path / "o.tar") as tar:
        assert not [name for name in tar.getnames() if "agent" in name or "buildkit" in name]
    assert not list((ladle.store / "snapshots").rglob("agent*"))


@pytest.mark.parametrize("executor", ["crun", "native"])
def test_an_ordinary_user_forwards_theirs(
    user_ladle: Ladle, user: str, user_home: Path, context: Callable[..., Path], key: Path, executor: str
) -> None:
    step = "RUN --mount=type=ssh,uid=33 setpriv --reuid=33 --regid=33 --clear-groups ssh-add -L\n"
    files = context({"Dockerfile": f"FROM host://\n{step}"}, base=user_home)
    with running_agent(key, user=user) as agent:
        flags = ["--progress=rawjson", f"--ssh=default={agent}", f"--executor={executor}"]
        assert said(user_ladle("build", *flags, files))[0].startswith(public(key))


@pytest.mark.row("DF-47", "DF-86")
def test_a_missing_agent(ladle: Ladle, busybox: Path, context: Callable[..., Path], tmp_path: Path) -> None:
    base = f"--build-context=busybox=oci-layout://{busybox}"
    files = context({"Dockerfile": "FROM busybox\nRUN --mount=type=ssh,id=git,required true\n"})
    told = failing(ladle, "build", base, files)
    assert 'no SSH key "git" forwarded from the client' in told
    assert ">>> RUN --mount=type=ssh,id=git" in told
    assert "--ssh git" in told
    assert "SSH_AUTH_SOCK is not set" in failing(ladle, "build", base, "--ssh=default", files)
    assert "bad --ssh" in failing(ladle, "build", base, "--ssh==x", files, code=2)
    locked = make_key(tmp_path, passphrase="a-passphrase")
    assert "protected by a passphrase" in failing(ladle, "build", base, f"--ssh=git={locked}", files)
