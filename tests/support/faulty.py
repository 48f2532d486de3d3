# SPDX-License-Identifier: Apache-2.0
"""Ways to run `ladle` where something is wrong, and what every failure must look like."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.command import Ladle


def refused(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return what a failed command said: an error with its code, no traceback, exit code 1 or 2."""
    said = done.stderr.decode(errors="replace")
    assert done.returncode in (1, 2), (done.returncode, said)
    assert "Traceback" not in said, said
    assert "error[" in said, said
    return said


def in_namespace(
    ladle: Ladle, script: str, *args: str | Path, timeout: float = 120
) -> subprocess.CompletedProcess[bytes]:
    """Run a shell script in a mount namespace of its own; `ladle` in it is the command, `$1`… are `args`."""
    command = " ".join(f"'{word}'" for word in ladle.command)
    prelude = f'set -e; ladle() {{ {command} "$@"; }}\n'
    return subprocess.run(
        ["unshare", "-m", "--propagation=private", "sh", "-c", prelude + script, "sh", *map(str, args)],
        env=ladle.environment(None),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
    )


def last(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return what a script said that must have ended well."""
    said = done.stderr.decode(errors="replace")
    assert done.returncode == 0, said
    assert "Traceback" not in said, said
    return said
