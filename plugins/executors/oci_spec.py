# SPDX-License-Identifier: Apache-2.0
"""The OCI runtime config of a step, equal to what BuildKit gives its runtime wherever a step can see it."""

from __future__ import annotations

import os
from typing import Any

from ladle.core.api.executor import MASKED_PATHS, READ_ONLY_PATHS, DeviceMount, Step, capabilities, insecure_devices
from ladle.core.worker import linux, seccomp

# by number
_ALL_CAPABILITIES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
]
_QUIET = ["nosuid", "noexec", "nodev"]


def config(step: Step, *, cgroup_mount: bool) -> dict[str, Any]:
    """Return the config; the guard has made the ipc, uts and network namespaces already.

    `cgroup_mount` asks for a read-only view of the cgroups, which not every runtime can give.
    """
    linux_section: dict[str, Any] = {"namespaces": [{"type": "pid"}, {"type": "mount"}], "cgroupsPath": ""}
    if pure_cgroup2():
        linux_section["namespaces"].append({"type": "cgroup"})
    if not step.insecure:
        linux_section["maskedPaths"] = list(MASKED_PATHS)
        linux_section["readonlyPaths"] = list(READ_ONLY_PATHS)
        filters = seccomp.oci_section()
        if filters is not None:
            linux_section["seccomp"] = filters
    return {
        "ociVersion": "1.0.2",
        "process": _process(step),
        "root": {"path": step.root, "readonly": step.read_only_root},
        "mounts": _mounts(step, cgroup_mount=cgroup_mount),
        "linux": linux_section,
    }


def pure_cgroup2() -> bool:
    """Whether this machine has cgroup v2 alone, where a cgroup namespace works."""
    return os.path.exists("/sys/fs/cgroup/cgroup.subtree_control")


def _process(step: Step) -> dict[str, Any]:
    names = _bounding_capabilities() if step.insecure else [name for name, _ in capabilities(step)]
    user: dict[str, Any] = {"uid": step.uid, "gid": step.gid}
    if not step.single_uid:
        user["additionalGids"] = list(step.groups)
    return {
        "terminal": False,
        "user": user,
        "args": list(step.args),
        "env": list(step.env),
        "cwd": step.cwd,
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), names),
        "noNewPrivileges": False,
        "rlimits": [
            {"type": f"RLIMIT_{limit.name.upper()}", "soft": _unsigned(limit.soft), "hard": _unsigned(limit.hard)}
            for limit in step.ulimits
        ],
    }


def _bounding_capabilities() -> list[str]:
    """The names of all that this process may still give: what an insecure step gets."""
    found = []
    for number, name in enumerate(_ALL_CAPABILITIES):
        try:
            held = linux.prctl(linux.PR_CAPBSET_READ, number)
        except OSError:
            break
        if held:
            found.append(f"CAP_{name}")
    return found


def _unsigned(limit: int) -> int:
    return limit if limit >= 0 else (1 << 64) - 1


def _mount(destination: str, kind: str, source: str, *options: str) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def _mounts(step: Step, *, cgroup_mount: bool) -> list[dict[str, Any]]:
    terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    if not step.single_uid:
        terminals.append("gid=5")
    mounts = [
        _mount("/proc", "proc", "proc", *_QUIET),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount("/dev/pts", "devpts", "devpts", *terminals),
        _mount("/dev/shm", "tmpfs", "shm", *_QUIET, "mode=1777", "size=65536k"),
        _mount("/dev/mqueue", "mqueue", "mqueue", *_QUIET),
        *_sys_mounts(step, cgroup_mount=cgroup_mount),
    ]
    if step.insecure:
        mounts += [_mount(path, "none", path, "rbind", "nosuid", "dev") for path in insecure_devices()]
    covered = {device.dest for device in step.device_mounts}
    kept = [mount for mount in mounts if mount["destination"] not in covered]
    return kept + [_device_mount(device) for device in step.device_mounts]


def _sys_mounts(step: Step, *, cgroup_mount: bool) -> list[dict[str, Any]]:
    access = "rw" if step.insecure else "ro"
    if step.rootless and not step.own_network:
        # sysfs belongs to the network namespace: an ordinary user cannot mount the host's anew
        return [
            _mount("/sys", "none", "/sys", "rbind", *_QUIET, access),
            _mount("/sys/fs/cgroup", "tmpfs", "tmpfs", *_QUIET, "mode=755", "ro"),
        ]
    mounts = [_mount("/sys", "sysfs", "sysfs", *_QUIET, access)]
    if cgroup_mount:
        mounts.append(_mount("/sys/fs/cgroup", "cgroup", "cgroup", *_QUIET, "relatime", access))
    return mounts


def _device_mount(device: DeviceMount) -> dict[str, Any]:
    access = "ro" if device.read_only else "rw"
    openable = "dev" if device.node else "nodev"
    return _mount(device.dest, "none", device.source, "rbind", "nosuid", openable, access)
