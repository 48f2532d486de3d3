# SPDX-License-Identifier: Apache-2.0
"""The `exec` job: one process of a build, from its mounts to its exit code and its layers.

The order: pick an executor; stage and open the trees of the mounts; resolve user and working directory in the bare
root; in a guard, put the mounts into the root and let the executor run, passing the output on; remove what
was made only to be mounted on; commit the outputs, or throw them away if the exit code is not valid.
"""

from __future__ import annotations

import json  # noqa: F401 — the executors need it: here it is loaded once, before the front forks
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.api.executor import Executor, Step, Ulimit
from ladle.core.worker import exec_devices, exec_etc, exec_memory, exec_mounts, guard, linux
from ladle.core.worker.exec_cache import CacheLocks
from ladle.core.worker.exec_given import device_cgroup, given_mounts
from ladle.core.worker.exec_inputs import Inputs
from ladle.core.worker.exec_user import Identity, resolve_user
from ladle.core.worker.inroot import open_in_root
from ladle.core.worker.job import load

if TYPE_CHECKING:
    from ladle.core.worker.job import JobContext

REPEATABLE = True
OWN_PROCESSES = True
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_GRACE = 3.0
_KILLED = 137
_NETWORKS = ("sandbox", "host", "none")
_SECURITIES = ("sandbox", "insecure")


@dataclass(frozen=True, slots=True)
class _Report:
    exit_code: int
    stubs: Sequence[exec_mounts.Stub]


@dataclass(frozen=True, slots=True)
class _Choice:
    executor: Executor
    name: str
    reason: str


def run(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Run the process that `args` describes; see DESIGN section 8 for their form.

    The result has `exit_code`, `outputs` (committed snapshot ids), `executor` and the `reason` for it, and `oom`.
    """
    meta = _checked(args)
    choice = choose(args["executors"], rootless=ctx.rootless, device_guard=_devices_guarded(ctx))
    inputs = Inputs(ctx, args["mounts"], CacheLocks(ctx.root, ctx.lifeline))
    identity = _prepare_root(ctx, inputs, meta)
    killed = exec_memory.kills()
    with device_cgroup(args.get("devices") or {}, insecure=args["security"] == "insecure", rootless=ctx.rootless):
        report = guard.run(
            lambda wait: _in_guard(ctx, args, inputs, identity, choice.executor, wait),
            emit=lambda stream, data: _log(ctx, stream, data),
            lifeline=ctx.lifeline,
            own_network=args["network"] == "none",
            hostname=meta["hostname"] or exec_etc.DEFAULT_HOSTNAME,
            grace=float(args.get("grace", DEFAULT_GRACE)),
        )
    exit_code = report.exit_code
    outputs = []
    if exit_code in (meta["valid_exit_codes"] or [0]):
        exec_mounts.remove_stubs(inputs.root, report.stubs)
        outputs = inputs.commit()
    return {
        "exit_code": exit_code,
        "outputs": outputs,
        "executor": choice.name,
        "reason": choice.reason,
        "oom": exit_code == _KILLED and exec_memory.kills() > killed,
    }


def choose(executors: Sequence[Sequence[str]], *, rootless: bool, device_guard: bool) -> _Choice:
    """Return the first executor that can be used here, with why those before it cannot."""
    reasons: list[str] = []
    for name, path in executors:
        try:
            executor: Executor = load(path)(name, rootless=rootless, device_guard=device_guard)
        except (ImportError, AttributeError) as error:
            reasons.append(f"{name}: cannot be loaded: {error}")
            continue
        reason = executor.probe()
        if reason is None:
            return _Choice(executor, name, "; ".join(reasons))
        reasons.append(f"{name}: {reason}")
    raise BuildError(
        "no executor can run steps here",
        code="EX0030",
        notes=reasons,
        help="install crun, or choose another one with --executor",
    )


def prepare(options: Mapping[str, Any], *, rootless: bool) -> None:
    """What the worker's front does once for all steps: load the executors, enter the device cgroup."""
    for _, path in options.get("executors", ()):
        try:
            load(path)
        except Exception:  # a broken plugin: the step that would use it says so
            continue
    if not rootless:
        exec_devices.guarded()


def _devices_guarded(ctx: JobContext) -> bool:
    return ctx.rootless or exec_devices.guarded()


def _checked(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse what must never be guessed at; returns the `meta` part."""
    if args["network"] not in _NETWORKS:
        raise InternalError(f"unknown network mode: {args['network']!r}")
    if args["security"] not in _SECURITIES:
        raise InternalError(f"unknown security mode: {args['security']!r}")
    meta: Mapping[str, Any] = args["meta"]
    if not meta["args"]:
        raise BuildError("a step without arguments cannot be run", code="EX0014")
    for text in (*meta["args"], *meta["env"], meta["cwd"]):
        if "\0" in text:
            raise BuildError("a step's arguments, environment and directory cannot hold NUL bytes", code="EX0014")
    return meta


def _log(ctx: JobContext, stream: int, data: bytes) -> None:
    ctx.emit({"type": "log", "stream": stream, "data": data})


def _prepare_root(ctx: JobContext, inputs: Inputs, meta: Mapping[str, Any]) -> Identity:
    """What looks at or changes the root before anything is mounted in it: the user, the working directory."""
    root = os.open(inputs.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        identity = resolve_user(root, meta["user"])
        if ctx.single_uid and (identity.uid or identity.gid):
            raise BuildError(
                f"the user {meta['user']} cannot be used: only one user id is available",
                code="EX0015",
                help="install uidmap (newuidmap) and add a range for your user to /etc/subuid and /etc/subgid",
            )
        _make_directory(root, meta["cwd"] or "/")
    finally:
        os.close(root)
    return identity


def _make_directory(root: int, path: str) -> None:
    """Make a working directory and its parents where they are missing, as root and 0755."""
    parts = exec_mounts.parts_of(path)
    if not parts or _exists(root, "/".join(parts)):
        return
    try:
        parent = open_in_root(root, "/", os.O_PATH | os.O_DIRECTORY)
        for index, part in enumerate(parts):
            above = "/".join(parts[:index]) or "/"
            os.close(parent)
            parent = open_in_root(root, above, os.O_PATH | os.O_DIRECTORY)
            if not _exists(root, "/".join(parts[: index + 1])):
                os.mkdir(part, 0o755, dir_fd=parent)
                os.chmod(part, 0o755, dir_fd=parent)
        os.close(parent)
    except OSError as error:
        raise BuildError(f"failed to create working directory {path}: {error.strerror}", code="EX0008") from error


def _exists(root: int, path: str) -> bool:
    try:
        os.close(open_in_root(root, path, os.O_PATH))
    except OSError:
        return False
    return True


def _environment(meta: Mapping[str, Any], secrets: Mapping[str, str], home: str) -> tuple[str, ...]:
    """The environment of the process: the step's own, secrets, and PATH and HOME where they are missing."""
    entries = [*meta["env"], *(f"{name}={value}" for name, value in secrets.items())]
    given = {entry.partition("=")[0]: entry.partition("=")[2] for entry in entries}
    if "PATH" not in given:
        entries.append(f"PATH={DEFAULT_PATH}")
    if not given.get("HOME"):
        entries = [entry for entry in entries if not entry.startswith("HOME=")]
        entries.append(f"HOME={home}")
    return tuple(entries)


def _in_guard(
    ctx: JobContext,
    args: Mapping[str, Any],
    inputs: Inputs,
    identity: Identity,
    executor: Executor,
    wait: Any,
) -> _Report:
    """What is done inside the guard, where the mounts are gone when it ends."""
    meta = args["meta"]
    state = inputs.state
    linux.mount("tmpfs", state, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=700")
    composer = exec_mounts.Composer(inputs.root, state)
    given = args.get("devices") or {}
    composer.compose([*_etc_mounts(args, meta), *given_mounts(given), *inputs.mounts()])
    insecure = args["security"] == "insecure"
    if not ctx.rootless:
        composer.set_devices(allowed=insecure or _devices_guarded(ctx))
    step = Step(
        root=inputs.root,
        state=state,
        args=tuple(meta["args"]),
        env=_environment(meta, args.get("secret_env") or {}, identity.home),
        cwd=meta["cwd"] or "/",
        uid=identity.uid,
        gid=identity.gid,
        groups=(*identity.groups, *given.get("groups", ())),
        ulimits=tuple(Ulimit(name=each["name"], soft=each["soft"], hard=each["hard"]) for each in meta["ulimit"]),
        insecure=insecure,
        own_network=args["network"] == "none",
        rootless=ctx.rootless,
        single_uid=ctx.single_uid,
        device_guard=_devices_guarded(ctx),
        read_only_root=inputs.root_read_only,
        device_mounts=tuple(composer.device_mounts),
        wait=wait,
    )
    exit_code = executor.run(step)
    return _Report(exit_code, composer.stubs)


def _etc_mounts(args: Mapping[str, Any], meta: Mapping[str, Any]) -> list[exec_mounts.Mount]:
    extra = [(each["host"], each["ip"]) for each in meta["extra_hosts"]]
    hosts = exec_etc.hosts_text(meta["hostname"] or exec_etc.DEFAULT_HOSTNAME, extra)
    resolv = exec_etc.resolv_text(args["network"])
    return [
        exec_mounts.FileMount(dest=dest, data=text.encode(errors="surrogateescape"))
        for dest, text in (("/etc/hosts", hosts), ("/etc/resolv.conf", resolv))
    ]
