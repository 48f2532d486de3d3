# SPDX-License-Identifier: Apache-2.0
"""An ordinary user's worker: with ranges of ids, with one id, and where it is forbidden."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.worker import userns

UNMAPPED_UID = 65534
SUB_UID_START = 700_000
SUB_UID_COUNT = 65_536

_SCRIPT = """
import json, os, sys
from ladle.core.api.errors import BuildError
from ladle.core.worker.client import Worker
root, options, calls = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
answers = []
with Worker(root, options=options, python=[sys.executable], environment=dict(os.environ)) as worker:
    for job, args in calls:
        try:
            answers.append(worker.run_sync(job, args))
        except BuildError as error:
            answers.append({"message": error.message, "code": error.code, "help": error.help})
print(json.dumps(answers))
"""

_NO_NAMESPACES = """
import ctypes, os, sys
(up, up_write), (down, down_write) = os.pipe(), os.pipe()
pid = os.fork()
if pid == 0:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
    os.write(up_write, b"1")
    os.read(down, 1)
    with open("/proc/sys/user/max_user_namespaces", "w") as limit:
        limit.write("0")
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    os.execv(sys.argv[1], sys.argv[1:])
os.read(up, 1)
for kind in ("uid", "gid"):
    with open(f"/proc/{pid}/{kind}_map", "w") as table:
        table.write("0 0 65536")
os.write(down_write, b"1")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
"""Runs a program as an ordinary user of a user namespace of its own, whose limit of further ones is 0."""

AsUser = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def as_user(user_store: Path, user_python: str, options: dict[str, object], environment: Mapping[str, str]) -> AsUser:
    """Run jobs in the worker of an ordinary user."""

    def run(uid: int, *calls: tuple[str, dict[str, Any]], prefix: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        command = [*prefix, user_python, "-c", _SCRIPT, str(user_store), json.dumps(options), json.dumps(calls)]
        identity: dict[str, Any] = {"user": uid, "group": uid, "extra_groups": []} if uid else {}
        done = subprocess.run(
            command, env=environment, cwd="/", capture_output=True, text=True, timeout=60, check=False, **identity
        )
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout)
        return answers

    return run


@pytest.fixture(scope="session")
def subordinate_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The uid of a temporary user with a range of subordinate ids; one for each process that runs tests."""
    name = f"ladletest{os.getpid()}"
    with _user_tables():
        subprocess.run(["useradd", "--no-create-home", "--shell", "/bin/false", name], check=True)
        for table in ("/etc/subuid", "/etc/subgid"):
            _edit(table, name, f"{name}:{SUB_UID_START}:{SUB_UID_COUNT}\n")
    passwd = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines()]
    yield next(int(fields[2]) for fields in passwd if fields[0] == name)
    with _user_tables():
        subprocess.run(["userdel", name], check=True, capture_output=True)
        for table in ("/etc/subuid", "/etc/subgid"):
            _edit(table, name, "")


@contextmanager
def _user_tables() -> Iterator[None]:
    """Be the only test that changes the tables in /etc, across processes."""
    lock = os.open("/etc", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _edit(table: str, name: str, line: str) -> None:
    """Replace all lines of a user."""
    path = Path(table)
    before = path.read_text().splitlines(keepends=True) if path.exists() else []
    path.write_text("".join([other for other in before if not other.startswith(f"{name}:")] + [line]))


@pytest.mark.root
def test_with_ranges_a_user_is_root_of_many_ids(as_user: AsUser, subordinate_user: int, user_store: Path) -> None:
    tree = {"layers": [], "commit": "1", "owners": {"mail": 8, "nobody": 65534}}
    probe, who, first, second = as_user(
        subordinate_user,
        ("probe", {}),
        ("ids", {}),
        ("tree", tree),
        ("tree", {"layers": ["1"], "commit": "2", "remove": ["mail"]}),
    )
    assert (probe["rootless"], probe["single_uid"], probe["reason"]) == (True, False, "")
    ranges = ["0", str(subordinate_user), "1", "1", str(SUB_UID_START), str(SUB_UID_COUNT)]
    assert (who["uid"], who["map"], who["groups"]) == (0, ranges, [])
    assert first == {"names": ["file-1", "mail", "nobody"], "uids": [0, 8, 65534]}
    assert second == {"names": ["file-1", "file-2", "nobody"], "uids": [0, 0, 65534]}
    assert (user_store / "snapshots/1/mail").stat().st_uid == SUB_UID_START + 7
    assert (user_store / "snapshots/1/file-1").stat().st_uid == subordinate_user
    assert os.listdir(user_store / "snapshots/.new") == []


@pytest.mark.root
def test_without_ranges_a_user_has_one_id_and_is_told_why(as_user: AsUser) -> None:
    probe, who, made, removed = as_user(
        UNMAPPED_UID,
        ("probe", {}),
        ("ids", {}),
        ("tree", {"layers": [], "commit": "1"}),
        ("remove", {"snapshots": ["1"]}),
    )
    assert (probe["rootless"], probe["single_uid"]) == (True, True)
    assert "/etc/subuid" in probe["reason"] or "uidmap" in probe["reason"]
    assert who["map"] == ["0", str(UNMAPPED_UID), "1"]
    assert made == {"names": ["file-1"], "uids": [0]}
    assert removed == {"removed": ["1"]}


@pytest.mark.root
def test_root_without_the_capability_is_told_what_is_missing(as_user: AsUser) -> None:
    drop = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all")
    (answer,) = as_user(0, ("probe", {}), prefix=drop)
    assert (answer["code"], "CAP_SYS_ADMIN" in answer["message"]) == ("WK0001", True)
    assert "--privileged" in answer["help"]


@pytest.mark.root
def test_root_of_a_surrounding_user_namespace_counts_as_rootless(as_user: AsUser) -> None:
    nested = ("unshare", "--user", "--map-root-user")
    probe, who = as_user(UNMAPPED_UID, ("probe", {}), ("ids", {}), prefix=nested)
    assert (probe["rootless"], probe["single_uid"], who["uid"]) == (True, True, 0)


@pytest.mark.root
def test_a_limit_of_no_user_namespaces_is_explained(as_user: AsUser, user_python: str) -> None:
    (answer,) = as_user(0, ("probe", {}), prefix=(user_python, "-c", _NO_NAMESPACES))
    assert answer["code"] == "WK0002"
    assert "user.max_user_namespaces" in answer["help"]


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "max_user_namespaces"), (errno.EPERM, "unprivileged_userns_clone"), (errno.EUSERS, "max_user")],
)
def test_each_refusal_of_a_user_namespace_has_its_advice(number: int, words: str) -> None:
    error = userns.forbidden(OSError(number, os.strerror(number)))
    assert isinstance(error, BuildError)
    assert words in error.help


def test_all_lines_of_a_user_count_by_name_and_by_number(tmp_path: Path) -> None:
    table = tmp_path / "subuid"
    table.write_text("other:1:2\nme:100000:65536\n\n1000:300000:10\nme:x:1\nme:5:0\nme:100000:65536\nbroken\n")
    ranges = userns.read_ranges(str(table), ["1000", "me"])
    assert ranges == [userns.Range(100000, 65536), userns.Range(300000, 10)]
    assert userns.map_arguments(1000, ranges) == ["0", "1000", "1", "1", "100000", "65536", "65537", "300000", "10"]
    assert userns.read_ranges(str(tmp_path / "absent"), ["me"]) == []


def test_the_plan_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(userns, "_SEARCH", "/nonexistent")
    commands, reason = userns.plan(1000, 1000)
    assert commands == []
    assert "apt-get install uidmap" in reason
