# SPDX-License-Identifier: Apache-2.0
"""`State`: a tree in the making, and what the next steps inherit. Immutable: every method returns a new one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Unpack

from ladle.llb.actions import Actions, Bound, CopyOptions, FileNode, Owner
from ladle.llb.errors import LLBError
from ladle.llb.execs import ExecNode, ExecPlan
from ladle.llb.marshalling import marshal
from ladle.llb.mounts import MountSpec
from ladle.llb.nodes import LateNode, OpOptions, Output, VertexNode
from ladle.llb.ops.exec import CDIDevice, HostIP, Meta, NetMode, ProxyEnv, SecretEnv, SecurityMode, Ulimit
from ladle.llb.ops.file import KEEP
from ladle.llb.ops.passthrough import PassthroughOp
from ladle.llb.paths import join
from ladle.llb.settings import DEFAULT_SETTINGS, Environment, Settings
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.llb.definition import Definition
    from ladle.llb.ops.platform import Platform
    from ladle.llb.outside import Tree

__all__ = ["ExecState", "State", "marshal"]

P = ParamSpec("P")


class State:
    """A tree (`output`; None is scratch) with the settings of the steps that will be put on it."""

    __slots__ = ("output", "settings")

    def __init__(self, output: Output | None = None, settings: Settings = DEFAULT_SETTINGS) -> None:
        self.output = output
        self.settings = settings

    @classmethod
    def from_definition(cls, definition: Definition, name: str = "") -> State:
        """Return a result of a definition that was marshalled before, to build on."""
        edge = definition.result(name)
        return cls(None if edge is None else Output(VertexNode(edge.vertex, definition), edge.index))

    # --- steps

    def run(
        self,
        args: str | Sequence[str],
        *,
        mounts: Iterable[MountSpec] = (),
        env: Mapping[str, str] | None = None,
        cwd: str = "",
        user: str | None = None,
        hostname: str | None = None,
        network: NetMode | None = None,
        security: SecurityMode | None = None,
        secret_env: Iterable[SecretEnv] = (),
        cdi_devices: Iterable[CDIDevice] = (),
        extra_hosts: Iterable[HostIP] = (),
        ulimit: Iterable[Ulimit] = (),
        proxy_env: ProxyEnv | None = None,
        cgroup_parent: str | None = None,
        valid_exit_codes: Iterable[int] = (),
        readonly_root: bool = False,
        remove_mount_stubs: bool = True,
        **options: Unpack[OpOptions],
    ) -> ExecState:
        """Run a process on the tree. A text as `args` is split as a shell would; options that are not given are the
        state's. The result's `root` is the changed tree, `mount(target)` what was kept of a `bind(..., keep=True)`."""
        base = self.settings
        meta = Meta(
            args=_split(args),
            env=(base.environment.with_values(env) if env else base.environment).texts,
            cwd=join(base.directory, cwd) if cwd else base.directory,
            user=base.user if user is None else user,
            proxy_env=proxy_env,
            extra_hosts=(*base.extra_hosts, *extra_hosts),
            hostname=base.hostname if hostname is None else hostname,
            ulimit=(*base.ulimit, *ulimit),
            cgroup_parent=base.cgroup_parent if cgroup_parent is None else cgroup_parent,
            remove_mount_stubs_recursive=remove_mount_stubs,
            valid_exit_codes=tuple(valid_exit_codes),
        )
        plan = ExecPlan(
            meta=meta,
            network=base.network if network is None else network,
            security=base.security if security is None else security,
            secret_env=tuple(secret_env),
            cdi_devices=tuple(cdi_devices),
        )
        root = MountSpec(target="/", source=self.output, readonly=readonly_root, keep=not readonly_root)
        node = ExecNode(plan, (root, *mounts), base.mounts, self._here(options))
        return ExecState(node, self)

    def file(self, actions: Actions, **options: Unpack[OpOptions]) -> State:
        """Put a chain of file actions on the tree: one vertex, however many actions."""
        node = FileNode(self.output, self.settings.directory, actions, options)
        return State(Output(node), self.settings)

    def copy(
        self,
        source: State | Bound | None,
        src: str,
        dest: str,
        *,
        op: OpOptions | None = None,
        **options: Unpack[CopyOptions],
    ) -> State:
        """Copy `src` of another state to `dest`; `op` are the options of the step."""
        return self.file(Actions().copy(source, src, dest, **options), **(op or {}))

    def mkfile(
        self,
        path: str,
        data: bytes | str,
        *,
        mode: int = 0o644,
        owner: Owner = None,
        timestamp: int = KEEP,
        **options: Unpack[OpOptions],
    ) -> State:
        """Make a file."""
        return self.file(Actions().mkfile(path, data, mode=mode, owner=owner, timestamp=timestamp), **options)

    def mkdir(
        self,
        path: str,
        *,
        mode: int = 0o755,
        parents: bool = False,
        owner: Owner = None,
        timestamp: int = KEEP,
        **options: Unpack[OpOptions],
    ) -> State:
        """Make a directory."""
        chain = Actions().mkdir(path, mode=mode, parents=parents, owner=owner, timestamp=timestamp)
        return self.file(chain, **options)

    def rm(
        self, path: str, *, allow_not_found: bool = False, allow_wildcard: bool = False, **options: Unpack[OpOptions]
    ) -> State:
        """Remove a path."""
        chain = Actions().rm(path, allow_not_found=allow_not_found, allow_wildcard=allow_wildcard)
        return self.file(chain, **options)

    def symlink(
        self,
        oldpath: str,
        newpath: str,
        *,
        owner: Owner = None,
        timestamp: int = KEEP,
        **options: Unpack[OpOptions],
    ) -> State:
        """Make `newpath` a symbolic link that holds `oldpath`."""
        return self.file(Actions().symlink(oldpath, newpath, owner=owner, timestamp=timestamp), **options)

    def requires(self, id: str, *others: State, **options: Unpack[OpOptions]) -> State:
        """Return this tree unchanged, but only once `others` are built too."""
        if self.output is None:
            raise LLBError(f"passthrough {id!r}: scratch has nothing to wait with")
        deps = (self.output, *[other.output for other in others if other.output is not None])
        node = LateNode(lambda numbers: PassthroughOp(id=id, outputs=(numbers[0],)), deps, options)
        return State(Output(node), self.settings)

    # --- settings of later steps

    def _set(self, **changes: Any) -> State:
        return State(self.output, replace(self.settings, **changes))

    def env(self, **values: str) -> State:
        """Set variables for later steps."""
        return self._set(environment=self.settings.environment.with_values(values))

    def add_env(self, name: str, value: str) -> State:
        """Set one variable for later steps."""
        return self._set(environment=self.settings.environment.with_values({name: value}))

    def with_environment(self, environment: Environment) -> State:
        """Replace all variables of later steps by ones that states can share."""
        return self._set(environment=environment)

    def dir(self, path: str) -> State:
        """Set the directory of later steps; a relative path is under the present one."""
        return self._set(directory=join(self.settings.directory, path))

    def user(self, user: str) -> State:
        """Set the user of later steps."""
        return self._set(user=user)

    def hostname(self, hostname: str) -> State:
        """Set the host name that later steps see."""
        return self._set(hostname=hostname)

    def platform(self, platform: Platform | None) -> State:
        """Set the platform of later steps."""
        return self._set(platform=platform)

    def network(self, network: NetMode) -> State:
        """Set the network of later steps."""
        return self._set(network=network)

    def security(self, security: SecurityMode) -> State:
        """Set the sandbox of later steps."""
        return self._set(security=security)

    def add_extra_host(self, host: str, ip: str) -> State:
        """Add a line to the hosts file that later steps see."""
        return self._set(extra_hosts=(*self.settings.extra_hosts, HostIP(host=host, ip=ip)))

    def add_ulimit(self, name: str, soft: int, hard: int) -> State:
        """Add a resource limit for later steps."""
        return self._set(ulimit=(*self.settings.ulimit, Ulimit(name=name, soft=soft, hard=hard)))

    def cgroup_parent(self, parent: str) -> State:
        """Set the control group that later steps run under."""
        return self._set(cgroup_parent=parent)

    def with_mounts(self, *mounts: MountSpec) -> State:
        """Add mounts to every later run that does not mount something else at their targets."""
        return self._set(mounts=(*self.settings.mounts, *mounts))

    def with_(self, *changes: Callable[[State], State]) -> State:
        """Apply functions of a state one after another."""
        state = self
        for change in changes:
            state = change(state)
        return state

    def apply(self, change: Callable[Concatenate[State, P], State], *args: P.args, **kwargs: P.kwargs) -> State:
        """Apply one function with further arguments."""
        return change(self, *args, **kwargs)

    def with_output(self, other: State) -> State:
        """Return the tree of `other` with this state's settings."""
        return State(other.output, self.settings)

    def reset(self, other: State | None = None) -> State:
        """Return this tree with the settings of `other`, or with none."""
        return State(self.output, DEFAULT_SETTINGS if other is None else other.settings)

    # --- what is set

    def get_env(self, name: str) -> str | None:
        """Return a variable, None if it is not set."""
        return self.settings.environment.get(name)

    def get_dir(self) -> str:
        """Return the directory of later steps."""
        return self.settings.directory

    def get_user(self) -> str:
        """Return the user of later steps."""
        return self.settings.user

    def get_platform(self) -> Platform | None:
        """Return the platform of later steps, None for the one that `marshal` is given."""
        return self.settings.platform

    @property
    def is_scratch(self) -> bool:
        """Whether there is nothing in the tree."""
        return self.output is None

    def marshal(self, *, platform: Platform | None = None) -> Definition:
        """Return the definition with this state as its only result."""
        return marshal(self, platform=platform)

    def solve(self) -> Tree:
        """Build this tree now and return it, to be read; needs an engine (`import ladle.core.engine`)."""
        from ladle.llb.outside import engine

        return engine().solve(self)

    def export(self, type: str, dest: str = "", **attributes: str) -> Any:
        """Build this tree now and write it by an exporter (`oci`, `docker`, `local`, …); needs an engine."""
        from ladle.llb.outside import engine

        return engine().export(self, type=type, dest=dest, **attributes)

    def _here(self, options: OpOptions) -> OpOptions:
        if self.settings.platform is not None and options.get("platform") is None:
            options["platform"] = self.settings.platform
        return options


@dataclass(frozen=True, slots=True)
class ExecState:
    """What a run leaves: `root`, and the kept mounts."""

    node: ExecNode
    base: State

    @property
    def root(self) -> State:
        """The root after the run (with `readonly_root`, as it was)."""
        output = self.node.output("/")
        return self.base if output is None else State(output, self.base.settings)

    def mount(self, target: str) -> State:
        """Return what the run left in a mount that is kept; refuses other mounts."""
        output = self.node.output(target)
        if output is None:
            raise LLBError(f"exec: nothing is kept of a mount at {target!r}, it needs bind(..., keep=True)")
        return State(output, DEFAULT_SETTINGS)


def _split(args: str | Sequence[str]) -> tuple[str, ...]:
    if not isinstance(args, str):
        return tuple(args)
    import shlex

    try:
        return tuple(shlex.split(args))
    except ValueError as error:
        raise LLBError(f"exec: {args!r} cannot be split: {error}") from None
