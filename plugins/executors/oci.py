# SPDX-License-Identifier: Apache-2.0
"""Running steps by an OCI runtime: crun, or runc where it is safe."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from typing import Any, ClassVar

from ladle.core.api.errors import BuildError
from ladle.core.api.executor import Step
from ladle.core.worker import linux
from ladle.llb.values import dataclass
from ladle.plugins.executors import oci_spec

SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RUNC_SAFE = (1, 3, 6)
"""CVE-2026-41579: an older runc follows an image's /dev out of the root before it pivots."""

_CGROUPS = "/sys/fs/cgroup"
_NOT_FOUND = re.compile(r"executable file|no such file or directory", re.IGNORECASE)
_CHDIR = re.compile(r"chdir|cwd", re.IGNORECASE)
_ELF = b"\x7fELF"
_F_ADD_SEALS = 1033
_ALL_SEALS = 15  # against sealing, shrinking, growing, writing
_EXIT_NOT_FOUND = 127
_MAX_COMPLAINT = 4096  # the pipe is read by this very process, later
_EXIT_NOT_EXECUTABLE = 126


@dataclass(frozen=True, slots=True)
class _Runtime:
    name: str
    path: str


class OciExecutor:
    """Starts a step by `crun run` or `runc run`; asked for as `crun` or `runc`, by that one alone."""

    NAME: ClassVar[str] = "oci"

    def __init__(self, name: str, *, rootless: bool, device_guard: bool) -> None:
        self._wanted = (name,) if name in ("crun", "runc") else ("crun", "runc")
        self._rootless = rootless
        self._device_guard = device_guard
        self._runtime: _Runtime | None = None

    def probe(self) -> str | None:
        """Return why no runtime can be used, or None."""
        reasons = []
        for name in self._wanted:
            path = shutil.which(name, path=SEARCH)
            if path is None:
                reasons.append(f"{name} is not installed")
                continue
            reason = self._refusal(name, path)
            if reason is None:
                self._runtime = _Runtime(name, path)
                return None
            reasons.append(reason)
        return ", ".join(reasons)

    def _refusal(self, name: str, path: str) -> str | None:
        """Why a runtime that is installed is not to be used. crun takes `nodev` off the root: needs a device cgroup."""
        if self._rootless:
            return None
        if name == "crun":
            return None if self._device_guard else "crun as root needs cgroup v2, to guard devices"
        return _unsafe_runc(path)

    def run(self, step: Step) -> int:
        """Run the step by the runtime that `probe` found."""
        if self._runtime is None:
            reason = self.probe()
            if self._runtime is None:
                raise BuildError(f"no OCI runtime: {reason}", code="EX0031")
        runtime = self._runtime
        if runtime.name == "crun":
            self._suit_cgroups()
        config = oci_spec.config(step, cgroup_mount=not step.rootless and _can_show_cgroups(runtime))
        _write(os.path.join(step.state, "config.json"), config)
        log = os.path.join(step.state, "log")
        code = step.wait(_start(runtime, step.state, log))
        return _explained(runtime, step, code, _errors(log)) if code else 0

    def _suit_cgroups(self) -> None:
        """Show crun no hybrid hierarchy, which it refuses; this mount namespace is the guard's own."""
        if self._rootless:
            linux.mount("tmpfs", _CGROUPS, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC, "mode=755")
        elif os.path.ismount(f"{_CGROUPS}/unified"):
            linux.umount(f"{_CGROUPS}/unified", linux.MNT_DETACH)


def _write(path: str, config: dict[str, Any]) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps(config, ensure_ascii=False))  # as one text: that is what has a fast encoder
    except UnicodeEncodeError as error:
        raise BuildError(
            "an OCI runtime takes only UTF-8 in arguments, environment and paths",
            code="EX0033",
            help="use --executor=native",
        ) from error


def _can_show_cgroups(runtime: _Runtime) -> bool:
    return oci_spec.pure_cgroup2() or runtime.name == "runc"


def _start(runtime: _Runtime, state: str, log: str) -> int:
    command = [runtime.path, f"--root={state}/runtime", f"--log={log}", "--log-format=json"]
    if runtime.name == "crun":
        command.append("--cgroup-manager=disabled")
    command += ["run", f"--bundle={state}", "step"]
    program = _sealed(runtime.path) if runtime.name == "crun" else -1
    try:
        place = runtime.path if program < 0 else f"/proc/self/fd/{program}"
        return os.posix_spawn(place, command, {"PATH": SEARCH})
    finally:
        if program >= 0:
            os.close(program)


def _sealed(path: str) -> int:
    """Copy a program into sealed memory, as crun else does itself, to start anew from there: that costs a millisecond.

    It does so against CVE-2019-5736, and sees by the seals that it need not. -1 for what cannot be started that way.
    """
    try:
        with open(path, "rb") as source:
            if source.read(len(_ELF)) != _ELF:
                return -1
            size = os.fstat(source.fileno()).st_size
            program = os.memfd_create("crun", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            try:
                offset = 0
                while offset < size:
                    offset += os.sendfile(program, source.fileno(), offset, size - offset)
                fcntl.fcntl(program, _F_ADD_SEALS, _ALL_SEALS)
            except OSError:
                os.close(program)
                raise
            return program
    except OSError:
        return -1


def _errors(log: str) -> list[str]:
    """What the runtime itself complained of; nothing if only the step failed."""
    try:
        with open(log, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    entries = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = {"level": "error", "msg": line}
        if entry.get("level", "error") in ("error", "fatal"):
            entries.append(str(entry.get("msg", "")))
    return entries


def _explained(runtime: _Runtime, step: Step, code: int, errors: list[str]) -> int:
    """Tell a step that failed from one that could not be started."""
    if not errors:
        return code
    text = "; ".join(errors)
    if _CHDIR.search(text):
        raise BuildError(f"cannot enter the working directory {step.cwd}", code="EX0008", notes=errors)
    if _NOT_FOUND.search(text) and (step.args[0] in text or "executable" in text or "execv" in text):
        _complain(f'exec: "{step.args[0]}": executable file not found in $PATH\n')
        return _EXIT_NOT_FOUND
    if "exec" in text:
        _complain(f'exec: "{step.args[0]}": {text}\n')
        return _EXIT_NOT_EXECUTABLE
    raise BuildError(
        f"{runtime.name} could not start the step: {text}",
        code="EX0032",
        help="try --executor=native, which needs no runtime",
    )


def _complain(text: str) -> None:
    os.write(2, text.encode(errors="surrogateescape")[:_MAX_COMPLAINT])


def _unsafe_runc(path: str) -> str | None:
    """Why this runc is not to be used as root; None if it is new enough."""
    with os.popen(f"{path} --version 2>/dev/null") as pipe:
        found = re.search(r"version (\d+)\.(\d+)\.(\d+)", pipe.read())
    if found is None:
        return "the version of runc is unknown"
    version = tuple(int(number) for number in found.groups())
    if version >= RUNC_SAFE:
        return None
    needed = ".".join(map(str, RUNC_SAFE))
    return f"runc {'.'.join(found.groups())} is older than {needed} and unsafe as root (CVE-2026-41579)"
