# SPDX-License-Identifier: Apache-2.0
"""A process run on mounted trees."""

from __future__ import annotations

from enum import IntEnum

from ladle.llb.errors import LLBError
from ladle.llb.ops.checks import check_in_range, check_outputs
from ladle.llb.ops.mount import Mount
from ladle.llb.values import dataclass


class NetMode(IntEnum):
    """The network a process sees; `UNSET` is the sandbox's own."""

    UNSET = 0
    HOST = 1
    NONE = 2


class SecurityMode(IntEnum):
    """`INSECURE` lifts the sandbox and needs an entitlement."""

    SANDBOX = 0
    INSECURE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyEnv:
    """Proxy variables that are set for the process but are no part of its cache key's environment."""

    http_proxy: str = ""
    https_proxy: str = ""
    ftp_proxy: str = ""
    no_proxy: str = ""
    all_proxy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostIP:
    """One extra line of the hosts file."""

    host: str
    ip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ulimit:
    """One resource limit, such as `nofile`."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretEnv:
    """A secret shown as the variable `name`."""

    id: str
    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CDIDevice:
    """A device by its name in the container device interface."""

    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What is run and how: BuildKit's `Meta`, field for field. `env` holds `NAME=value` texts."""

    args: tuple[str, ...]
    env: tuple[str, ...] = ()
    cwd: str = "/"
    user: str = ""
    proxy_env: ProxyEnv | None = None
    extra_hosts: tuple[HostIP, ...] = ()
    hostname: str = ""
    ulimit: tuple[Ulimit, ...] = ()
    cgroup_parent: str = ""
    remove_mount_stubs_recursive: bool = False
    valid_exit_codes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.args:
            raise LLBError("exec: args is empty, there is nothing to run")
        if not self.cwd:
            raise LLBError("exec: cwd is empty")
        for code in self.valid_exit_codes:
            if not 0 <= code <= 255:
                raise LLBError(f"exec: valid_exit_codes holds {code}, exit codes are 0 to 255")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecOp:
    """Run `meta` on `mounts`, one of which is the root; each writable bind mount can be an output."""

    meta: Meta
    mounts: tuple[Mount, ...]
    network: NetMode = NetMode.UNSET
    security: SecurityMode = SecurityMode.SANDBOX
    secret_env: tuple[SecretEnv, ...] = ()
    cdi_devices: tuple[CDIDevice, ...] = ()

    def __post_init__(self) -> None:
        roots = sum(1 for mount in self.mounts if mount.dest == "/")
        if roots != 1:
            raise LLBError(f"exec: {roots} mounts have dest '/', there must be exactly one")
        check_outputs("exec", (mount.output for mount in self.mounts if mount.has_output))

    @property
    def root(self) -> Mount:
        """The mount of the root."""
        return next(mount for mount in self.mounts if mount.dest == "/")

    @property
    def output_count(self) -> int:
        """How many outputs a vertex of this op has."""
        return sum(1 for mount in self.mounts if mount.has_output)

    def check_inputs(self, count: int) -> None:
        """Refuse a mount of an input that is not there."""
        for mount in self.mounts:
            if mount.input >= count:
                check_in_range(f"exec: mount {mount.dest!r}", "input", mount.input, count)
