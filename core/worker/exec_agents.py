# SPDX-License-Identifier: Apache-2.0
"""The sockets of ssh agents in a step: made here, listened to by ladle's main process, which gets the other end."""

from __future__ import annotations

import os
import socket

from ladle.core.api.errors import BuildError

_WAITING = 16


def offer(channel: int, directory: str, *, number: int, dest: str, uid: int, gid: int, mode: int) -> str:
    """Make a socket in `directory`, which is nobody else's, and pass its listening end on; returns its path.

    `number` says which agent is meant; only what is in the step's root and the main process can reach the socket.
    """
    os.chmod(directory, 0o700)
    folder = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(f"/proc/self/fd/{folder}/agent")  # the path itself may be longer than an address can be
            path = os.path.join(directory, "agent")
            os.chown(path, uid, gid)
            os.chmod(path, mode)
            listener.listen(_WAITING)
            with socket.socket(fileno=os.dup(channel)) as sender:
                socket.send_fds(sender, [str(number).encode()], [listener.fileno()])
    except OSError as error:
        raise BuildError(
            f"cannot make the agent's socket {dest} for {uid}:{gid}: {error.strerror}",
            code="EX0016",
            help="with one user id only root can own it; a range in /etc/subuid and /etc/subgid gives more",
        ) from error
    finally:
        os.close(folder)
    return path
