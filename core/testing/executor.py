# SPDX-License-Identifier: Apache-2.0
"""The contract of an executor as a suite of tests: steps on this machine's /usr, looking at their sandbox."""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

from ladle.core.testing.run import build, expect, write

_LOOK = r"""
FROM host:// AS look
ENV GIVEN=yes
WORKDIR /work
RUN echo "$GIVEN $(pwd) $(id -u):$(id -g)" > said
RUN ls /proc | grep -c '^[0-9]' > processes; cat /proc/1/comm > /dev/null
RUN --network=none cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' ' > network
RUN grep CapEff /proc/self/status | cut -f2 > capabilities
RUN for path in /proc/kcore /proc/timer_list; do head -c 1 $path 2> /dev/null | wc -c; done > masked
RUN echo 1 2> /dev/null > /proc/sys/kernel/domainname && echo written > sysctl || echo refused > sysctl
RUN mount -t tmpfs none /mnt 2> /dev/null && echo mounted > mounts || echo refused > mounts
RUN for name in null zero full random urandom tty; do test -c /dev/$name && echo $name; done > devices
RUN ulimit -n 64 && ulimit -n > limits
USER 4242:4243
RUN id -u > /tmp/other && id -g >> /tmp/other
FROM scratch
COPY --from=look /work /tmp/other /
"""
_FAIL = "FROM host://\nRUN echo seen; echo also >&2; exit 7\n"
_LEAVE = "FROM host://\nRUN (sleep 600 &) ; echo over > /over\nFROM scratch\nCOPY --from=0 /over /\n"
_SYS_ADMIN = 1 << 21
_SYS_MODULE = 1 << 16


class ExecutorContract:
    """Every test of an executor that needs to know only its name.

    class TestContract(ExecutorContract):
        executor = "native"
    """

    executor: ClassVar[str]
    """The name, as in `--executor NAME`."""

    def run(self, place: Path, dockerfile: str, *flags: str, check: bool = True) -> tuple[Path, str, int]:
        """Build with the executor; returns the exported tree, what was said, and the status."""
        project, out = write(place / "project", {"Dockerfile": dockerfile}), place / "out"
        wanted = ("--executor", self.executor, "--allow", "host", "-o", f"type=local,dest={out}", *flags)
        done = build(project, *wanted, store=place / "store", check=check)
        return out, done.stderr, done.returncode

    def test_a_step_has_what_it_was_given_and_no_more(self, tmp_path: Path) -> None:
        """Variables, directory and user are those of the step; the sandbox shows and allows what it should."""
        out, _, _ = self.run(tmp_path, _LOOK)
        said = {path.name: path.read_text().split() for path in out.iterdir() if path.is_file()}
        expect(said["said"] == ["yes", "/work", "0:0"], f"the step was {said['said']}")
        expect(said["other"] == ["4242", "4243"], f"the user was {said['other']}")
        expect(int(said["processes"][0]) < 12, f"the step sees {said['processes'][0]} processes")
        expect(set(said["network"]) <= {"lo"}, f"without a network there is {said['network']}")
        held = int(said["capabilities"][0], 16)
        expect(not held & (_SYS_ADMIN | _SYS_MODULE), f"the step holds the capabilities {held:x}")
        expect(set(said["masked"]) == {"0"}, "files of the kernel can be read")
        expect(said["sysctl"] == ["refused"], "the step can change settings of the kernel")
        expect(said["mounts"] == ["refused"], "the step can mount")
        expect({"null", "zero", "full", "random", "urandom"} <= set(said["devices"]), f"devices: {said['devices']}")
        expect(said["limits"] == ["64"], f"limits: {said['limits']}")

    def test_a_step_that_fails_is_told_with_its_code_and_output(self, tmp_path: Path) -> None:
        """The exit code arrives, and both streams."""
        _, said, status = self.run(tmp_path, _FAIL, check=False)
        expect(status == 1, f"the status is {status}")
        for text in ("seen", "also", "7"):
            expect(text in said, f"{text!r} is missing in:\n{said}")

    def test_what_a_step_leaves_behind_ends_with_it(self, tmp_path: Path) -> None:
        """A process in the background neither holds the build up nor outlives the step."""
        began = time.monotonic()
        out, _, _ = self.run(tmp_path, _LEAVE)
        expect(time.monotonic() - began < 60, "the build waited for it")
        expect((out / "over").read_text() == "over\n", "the step did not end well")
        expect(not _running(b"sleep\x00600\x00", tmp_path / "store"), "it is still running")

    def test_one_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        """A name that nothing is registered under is refused with the others."""
        project = write(tmp_path / "project", {"Dockerfile": _FAIL})
        done = build(project, "--executor", f"{self.executor}-absent", store=tmp_path / "store", check=False)
        expect(done.returncode == 2, f"the status is {done.returncode}")
        expect(f"{self.executor}-absent" in done.stderr, done.stderr)


def _running(command: bytes, root: Path) -> bool:
    """Say whether a process with a command line runs in a root below a directory, or in one that is gone."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "cmdline").read_bytes() == command and str(root) in (entry / "mountinfo").read_text():
                return True
        except OSError:
            continue
    return False
