# SPDX-License-Identifier: Apache-2.0
"""The runner of an exec op: the worker's `exec` job (FEATURES SV-10, SV-11 for its keys)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.api.refs import layers_ref
from ladle.core.build.agents.specs import DEFAULT
from ladle.core.build.emulation import foreign
from ladle.core.build.failed_process import failed_process
from ladle.core.build.masking import Masker
from ladle.core.build.runners.base import BY_RECORD, BaseRunner
from ladle.core.solver.api import InputUse
from ladle.llb.ops.exec import ExecOp, Meta, NetMode, SecurityMode
from ladle.llb.ops.mount import ContentCache, Mount, MountType

if TYPE_CHECKING:
    from ladle.core.build.emulation import Foreign
    from ladle.core.build.runners.environment import Result

_NETWORKS = {NetMode.UNSET: "sandbox", NetMode.HOST: "host", NetMode.NONE: "none"}
_GRACE_SECONDS = 3.0


class ExecRunner(BaseRunner[ExecOp]):
    """Runs an exec op."""

    def key_parts(self) -> Mapping[str, object]:
        """Return the op without what must not miss: proxies, addresses of extra hosts, identities of cache mounts."""
        meta = self.op.meta
        platform = self.vertex.platform
        return {
            "kind": "exec",
            "standing": self.environment.standing,
            "args": list(meta.args),
            "env": list(meta.env),
            "cwd": meta.cwd,
            "user": meta.user,
            "hostname": meta.hostname,
            "extra_hosts": [host.host for host in meta.extra_hosts],
            "ulimit": [[limit.name, limit.soft, limit.hard] for limit in meta.ulimit],
            "valid_exit_codes": list(meta.valid_exit_codes),
            "stubs": meta.remove_mount_stubs_recursive,
            "mounts": [_mount_parts(mount) for mount in self.op.mounts],
            "network": int(self.op.network),
            "security": int(self.op.security),
            "secret_env": [[secret.id, secret.name, secret.optional] for secret in self.op.secret_env],
            "devices": [[device.name, device.optional] for device in self.op.cdi_devices],
            "platform": [] if platform is None else [platform.os, platform.architecture, platform.variant],
        }

    def uses(self) -> Sequence[InputUse]:
        """Return by content the inputs that every mount of them only reads or throws away."""
        uses = []
        for index in range(len(self.vertex.inputs)):
            mounts = [mount for mount in self.op.mounts if mount.input == index]
            if mounts and all(_by_content(mount) for mount in mounts) and not self._is_host(index):
                uses.append(InputUse(by_content=True, selectors=[_selector(mount) for mount in mounts]))
            else:
                uses.append(BY_RECORD)
        return uses

    def _is_host(self, index: int) -> bool:
        identifier = getattr(self.vertex.inputs[index].vertex.op, "identifier", "")
        return isinstance(identifier, str) and identifier.startswith("host://")

    async def run(self, inputs: Sequence[Result]) -> Sequence[Result]:
        """Run the process; raises `BuildError` when it fails. One result for each output."""
        inputs = await self._written_as_layers(inputs)
        snapshots = self.services.snapshots
        outputs = {mount.output: snapshots.allocate() for mount in self.op.mounts if mount.has_output}
        devices = self._devices()
        args = {
            "meta": self._meta(devices.get("env", [])),
            "mounts": [self._mount(mount, inputs, outputs) for mount in self.op.mounts if self._is_given(mount)],
            "secret_env": self._secret_env(),
            "network": self._network(),
            "security": "insecure" if self.op.security is SecurityMode.INSECURE else "sandbox",
            "executors": self.environment.executors,
            "grace": _GRACE_SECONDS,
            "devices": devices,
        }
        watcher = foreign(self.vertex.platform)
        done = await self._done(args, watcher)
        if done["exit_code"] not in (self.op.meta.valid_exit_codes or (0,)):
            error = failed_process(self.op.meta, done)
            raise error if watcher is None else watcher.failure(error)
        results = []
        for number in sorted(outputs):
            mount = next(each for each in self.op.mounts if each.has_output and each.output == number)
            snapshots.commit(outputs[number])
            base = await self.layers(inputs[mount.input]) if mount.input >= 0 else []
            results.append(layers_ref([*base, outputs[number]]))
        return results

    async def _done(self, args: dict[str, Any], watcher: Foreign | None) -> Mapping[str, Any]:
        """Run the job, with the agents of the step within its reach, and its output masked."""
        masker = Masker(self.services.session.secrets())
        session = self.services.session
        names = [mount.ssh_opt.id or DEFAULT for mount in self._given_agents() if mount.ssh_opt is not None]
        agents = [(name, agent) for name in names if (agent := session.agent(name)) is not None]
        try:
            if not agents:
                return await self.services.worker.run("exec", args, on_event=self._events(watcher, masker))
            from ladle.core.build.agents.relay import relay

            async with relay(agents, self.services.reporter.warning) as fds:
                return await self.services.worker.run("exec", args, fds=fds, on_event=self._events(watcher, masker))
        finally:
            for stream, data in masker.rest():
                self.events()({"type": "log", "stream": stream, "data": data})

    def _events(self, watcher: Foreign | None, masker: Masker) -> Callable[[dict[str, Any]], None]:
        """Return what takes the step's events; output of a step of another platform is looked at as well."""
        pass_on: Callable[[dict[str, Any]], None] = self.events()

        def take(event: dict[str, Any]) -> None:
            if event.get("type") == "log":
                if watcher is not None:
                    watcher.see(event["data"])
                shown = masker.feed(event["stream"], event["data"])
                event = {**event, "data": shown}
                if not shown:
                    return
            pass_on(event)

        return take

    def _given_agents(self) -> list[Mount]:
        """Return the mounts of agents that are made, in their order."""
        return [mount for mount in self.op.mounts if mount.ssh_opt is not None and self._is_given(mount)]

    def _devices(self) -> dict[str, Any]:
        """Return what is to be done for the step's devices, nothing without any."""
        if not self.op.cdi_devices:
            return {}
        from ladle.core.build.devices import changes, devices_of

        return changes(devices_of(self.op, self.environment.grants))

    async def _written_as_layers(self, inputs: Sequence[Result]) -> list[Result]:
        """Return the inputs; what the root or an output stands on is a chain of layers, and so is a local directory.

        The directory of a person may change while the step reads it, holds files that the scan left out, and has
        owners of its own. The copy has none of that: what it holds is what the step's key says, or an error is raised.
        """
        written = {mount.input for mount in self.op.mounts if mount.dest == "/" or mount.has_output}
        return [
            layers_ref(await self.layers(result)) if index in written or result["kind"] == "local" else result
            for index, result in enumerate(inputs)
        ]

    def _network(self) -> str:
        return self.environment.forced_network or _NETWORKS[self.op.network]

    def _meta(self, more: Sequence[str]) -> dict[str, Any]:
        meta = self.op.meta
        env = [*meta.env, *_proxy_env(meta)]
        names = {entry.partition("=")[0] for entry in more}
        return {
            "args": list(meta.args),
            "env": [*(entry for entry in env if entry.partition("=")[0] not in names), *more],
            "cwd": meta.cwd,
            "user": meta.user,
            "hostname": meta.hostname,
            "extra_hosts": [{"host": host.host, "ip": host.ip} for host in meta.extra_hosts],
            "ulimit": [{"name": limit.name, "soft": limit.soft, "hard": limit.hard} for limit in meta.ulimit],
            "valid_exit_codes": list(meta.valid_exit_codes),
        }

    def _secret_env(self) -> dict[str, str]:
        found = {}
        for secret in self.op.secret_env:
            data = self.services.session.secret(secret.id)
            if data is not None:
                found[secret.name] = data.decode(errors="surrogateescape")
            elif not secret.optional:
                raise _no_secret(secret.id)
        return found

    def _is_given(self, mount: Mount) -> bool:
        """Say whether a mount is made at all: optional secrets and sockets that nobody gave are not."""
        if mount.mount_type is MountType.SECRET and mount.secret_opt is not None:
            if self.services.session.secret(mount.secret_opt.id) is not None:
                return True
            if not mount.secret_opt.optional:
                raise _no_secret(mount.secret_opt.id)
            return False
        if mount.mount_type is MountType.SSH and mount.ssh_opt is not None:
            name = mount.ssh_opt.id or DEFAULT
            if self.services.session.agent(name) is not None:
                return True
            if not mount.ssh_opt.optional:
                raise BuildError(
                    f'no SSH key "{name}" forwarded from the client',
                    code="LA0406",
                    help=f"give it with --ssh {name}, or --ssh {name}=SOCKET_OR_KEY",
                )
            return False
        return True

    def _seed(self, mount: Mount) -> str:
        """Return what tells caches of one id and different first contents apart: the step that makes the contents."""
        if mount.input < 0:
            return ""
        edge = self.vertex.inputs[mount.input]
        return f"\0{edge.digest}\0{edge.index}"

    def _mount(self, mount: Mount, inputs: Sequence[Result], outputs: Mapping[int, str]) -> dict[str, Any]:
        given: dict[str, Any] = {
            "dest": mount.dest,
            "ref": self.environment.ref(inputs[mount.input]) if mount.input >= 0 else None,
            "selector": mount.selector,
            "readonly": mount.readonly,
            "type": mount.mount_type.name.lower(),
            "output": outputs.get(mount.output) if mount.has_output else None,
        }
        if mount.tmpfs_opt is not None:
            given["size"] = mount.tmpfs_opt.size
        if mount.cache_opt is not None:
            name = sha256((mount.cache_opt.id + self._seed(mount)).encode()).hexdigest()[:32]
            given["cache_dir"] = f"{self.services.root}/cachemounts/{name}"
            given["sharing"] = mount.cache_opt.sharing.name.lower()
        if mount.secret_opt is not None:
            secret = mount.secret_opt
            data = self.services.session.secret(secret.id)
            given["secret"] = {"data": data, "uid": secret.uid, "gid": secret.gid, "mode": secret.mode}
        if mount.ssh_opt is not None:
            ssh = mount.ssh_opt
            number = self._given_agents().index(mount)
            given["ssh"] = {"number": number, "uid": ssh.uid, "gid": ssh.gid, "mode": ssh.mode}
        return given


def _by_content(mount: Mount) -> bool:
    if mount.mount_type is not MountType.BIND or mount.dest == "/" or mount.content_cache is ContentCache.OFF:
        return False
    return mount.readonly or not mount.has_output or mount.content_cache is ContentCache.ON


def _selector(mount: Mount) -> dict[str, Any]:
    path = mount.selector or "/"
    return {"path": path, "wildcard": False, "follow_links": True, "include": [], "exclude": []}


def _mount_parts(mount: Mount) -> list[object]:
    cache: list[object] = []
    secret = mount.secret_opt or mount.ssh_opt
    if mount.cache_opt is not None and (mount.cache_opt.id != mount.dest or mount.cache_opt.sharing != 0):
        cache = ["cache"]
    return [
        mount.dest,
        mount.input,
        mount.selector,
        mount.output,
        mount.readonly,
        int(mount.mount_type),
        mount.tmpfs_opt.size if mount.tmpfs_opt else 0,
        cache,
        [secret.id, secret.uid, secret.gid, secret.mode, secret.optional] if secret else [],
    ]


def _proxy_env(meta: Meta) -> list[str]:
    proxy = meta.proxy_env
    if proxy is None:
        return []
    found = []
    for name in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"):
        value = getattr(proxy, name)
        if value:
            found += [f"{name.upper()}={value}", f"{name}={value}"]
    return found


def _no_secret(name: str) -> BuildError:
    return BuildError(f"secret {name}: not found", code="LA0404", help=f"give it with --secret id={name},src=FILE")
