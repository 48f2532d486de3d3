# SPDX-License-Identifier: Apache-2.0
"""Jobs of the worker run by an ordinary user who is root in a user namespace, without the worker."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

from ladle.core.layers import export, jobs, loose  # noqa: F401  the child must not import: it cannot read the files
from ladle.core.worker import linux
from ladle.core.worker.job import JobContext
from ladle.plugins.snapshotters import overlay  # noqa: F401

USER = 12345
MANY = f"0 {USER} 1\n1 200000 65535"
ONE = f"0 {USER} 1"
OPTIONS = {"snapshotter": "ladle.plugins.snapshotters.overlay:Overlay"}
InUserNamespace = Callable[..., dict[str, Any]]


def run_as_user(store: Path, function: Callable[..., dict[str, Any]], id_map: str, args: dict[str, Any]) -> Any:
    """Run a job in a child process with the given id map; its traceback is this process's error."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        status = 1
        try:
            status = _child(theirs, store, function, args, single=id_map == ONE)
        finally:
            os._exit(status)
    theirs.close()
    with ours:
        assert ours.recv(1) == b"u"
        for table in ("gid_map", "uid_map"):
            Path(f"/proc/{pid}/{table}").write_text(id_map)
        ours.send(b"m")
        answer = b"".join(iter(lambda: ours.recv(65536), b""))
    os.waitpid(pid, 0)
    result: dict[str, Any] = msgpack.unpackb(answer)
    assert "traceback" not in result, result["traceback"]
    return result


def _child(
    sock: socket.socket, store: Path, function: Callable[..., dict[str, Any]], args: dict[str, Any], *, single: bool
) -> int:
    os.setgroups([])
    os.setresgid(USER, USER, USER)
    os.setresuid(USER, USER, USER)
    linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNS)
    sock.send(b"u")
    sock.recv(1)
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_SLAVE)
    events, _ = socket.socketpair()
    context = JobContext(str(store), events, rootless=True, single_uid=single, options=OPTIONS)
    try:
        answer = function(context, args)
    except BaseException:
        answer = {"traceback": traceback.format_exc()}
    finally:
        context.close()
    sock.sendall(msgpack.packb(answer))
    return 0
