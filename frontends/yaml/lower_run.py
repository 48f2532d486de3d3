# SPDX-License-Identifier: Apache-2.0
"""Steps that run commands, and what they see: `run`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.patterns import clean
from ladle.frontends.yaml import bases, errors
from ladle.frontends.yaml.modes import octal
from ladle.frontends.yaml.nodes import Mapping, Node, Scalar, items
from ladle.frontends.yaml.work import Work, placed
from ladle.llb.mounts import MountSpec, bind, cache, secret, secret_env, ssh, tmpfs
from ladle.llb.ops import CacheSharing, NetMode, SecurityMode
from ladle.llb.paths import join

if TYPE_CHECKING:
    from ladle.frontends.yaml.nodes import Entry
    from ladle.llb.ops.exec import SecretEnv

NETWORKS = {"default": None, "none": NetMode.NONE, "host": NetMode.HOST}
_SECURITIES = {"sandbox": SecurityMode.SANDBOX, "insecure": SecurityMode.INSECURE}
_SHARINGS = {"shared": CacheSharing.SHARED, "private": CacheSharing.PRIVATE, "locked": CacheSharing.LOCKED}
_SHELL = ("/bin/sh", "-c")
_STRICT = "set -e\n"
_SIZES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_AGENT = "SSH_AUTH_SOCK"
_NAMESPACE = "BUILDKIT_CACHE_MOUNT_NS"


def lower_run(work: Work, step: Mapping, entry: Entry) -> None:
    """Run a command on the tree so far."""
    scope = work.stage.scope
    args = command(work, entry.value)
    mounts, sockets = _mounts(work, step)
    secrets, environment = _secrets(work, step)
    mounts += secrets
    if work.build.options.shm_size > 0:
        mounts.append(tmpfs("/dev/shm", size=work.build.options.shm_size))
    env = scope.pairs(step.get("env"))
    if sockets and _AGENT not in env and work.state.get_env(_AGENT) is None:
        env[_AGENT] = sockets[0]
    options = work.options(scope.optional(step, "name") or f"run: {shown(args)}", step.span)
    options["platform"] = work.platform
    if scope.flag(step, "no-cache"):
        options["ignore_cache"] = True
    with placed(step.span):
        work.state = work.state.run(
            args,
            mounts=mounts,
            env=env or None,
            cwd=scope.optional(step, "workdir"),
            user=scope.text(node) if (node := step.get("user")) else None,
            network=NETWORKS[scope.chosen(step, "network", tuple(NETWORKS), "default")],
            security=_SECURITIES[scope.chosen(step, "security", tuple(_SECURITIES), "sandbox")],
            secret_env=environment,
            proxy_env=work.build.proxy,
            **options,
        ).root
    if work.context is not None:
        work.context.use("/")
    work.record(f"run: {shown(args)}", layer=True)


def command(work: Work, node: Node) -> list[str]:
    """Return what is run: a list as it is, a text by the shell; of several lines the first that fails ends it."""
    scope = work.stage.scope
    if not isinstance(node, Scalar):
        return nonempty(scope.texts(node), node)
    text = nonempty([scope.text(node)], node)[0]
    shell = work.config.words("Shell") or list(_SHELL)
    body = text.removesuffix("\n")
    if "\n" not in body:
        return [*shell, body]
    return [*shell, f"{_STRICT}{text}" if tuple(shell) == _SHELL else text]


def nonempty(words: list[str], node: Node) -> list[str]:
    """Return words; raises `DiagnosticError` where there is nothing in them."""
    if not words or not words[0].strip():
        raise DiagnosticError([errors.empty_value("the command", node.span)])
    return words


def shown(args: Sequence[str]) -> str:
    """Return a command for people: the text that a shell gets, or the words."""
    return args[-1].removeprefix(_STRICT) if tuple(args[:2]) == _SHELL else " ".join(args)


def cache_id(work: Work, name: str) -> str:
    """Return the id of a cache, in the name space of the build."""
    return f"{work.build.options.build_args.get(_NAMESPACE, '')}/{name}"


def _mounts(work: Work, step: Mapping) -> tuple[list[MountSpec], list[str]]:
    found = [_cache(work, node) for node in items(step.get("cache"))]
    found += [_tree(work, node) for node in items(step.get("mounts")) if isinstance(node, Mapping)]
    ids = work.stage.scope.texts(step.get("ssh"))
    if ids == ["false"]:
        ids = []
    sockets = [f"/run/buildkit/ssh_agent.{number}" for number in range(len(ids))]
    for target, name in zip(sockets, ids, strict=True):
        found.append(ssh(target, id="" if name == "true" else name, optional=True))
    return found, sockets


def _cache(work: Work, node: Node) -> MountSpec:
    scope = work.stage.scope
    if isinstance(node, Mapping):
        target = scope.optional(node, "target")
        name = scope.optional(node, "id") or clean(target)
        sharing = _SHARINGS[scope.chosen(node, "sharing", tuple(_SHARINGS), "shared")]
    else:
        target = scope.text(node)
        name, sharing = clean(target), CacheSharing.SHARED
    return cache(_target(work, target, node), id=cache_id(work, name), sharing=sharing)


def _target(work: Work, path: str, node: Node) -> str:
    target = path if path.startswith("/") else join(work.state.get_dir(), path)
    if not path or clean(target) == "/":
        raise DiagnosticError([errors.mount_target(path, node.span)])
    return target


def _tree(work: Work, node: Mapping) -> MountSpec:
    scope = work.stage.scope
    if (place := node.get("tmpfs")) is not None:
        size = scope.optional(node, "size", "0")
        unit = _SIZES.get(size[-1:], 1)
        digits = size.rstrip("kmg")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 12):
            raise DiagnosticError([errors.bad_form(size[:80], "[0-9]+[kmg]?", "a size such as `64m`", node.span)])
        return tmpfs(_target(work, scope.text(place), place), size=int(digits) * unit)
    target = _target(work, scope.optional(node, "target"), node)
    path = join("/", scope.optional(node, "source", "/"))
    origin = node.get("from")
    if origin is None:
        work.build.main.use(path)
        tree = work.build.main.state
    else:
        source = bases.other(work.build, work.stage, scope.text(origin), origin.span)
        if source.context is not None:
            source.context.use(path)
        tree = source.state
    return bind(tree, target, path="" if path == "/" else path, readonly=not scope.flag(node, "write"))


def _secrets(work: Work, step: Mapping) -> tuple[list[MountSpec], list[SecretEnv]]:
    scope = work.stage.scope
    mounts: list[MountSpec] = []
    variables: list[SecretEnv] = []
    for node in items(step.get("secrets")):
        if not isinstance(node, Mapping):
            mounts.append(_secret_file(scope.text(node), "", optional=True))
            continue
        name = scope.optional(node, "id")
        optional = not scope.flag(node, "required")
        variable, target = scope.optional(node, "env"), scope.optional(node, "target")
        if variable:
            variables.append(secret_env(name, variable, optional=optional))
            if not target:
                continue
        mode = octal(scope.text(place), place) if (place := node.get("mode")) else 0o400
        user, group = scope.number(node, "uid", 0), scope.number(node, "gid", 0)
        mounts.append(_secret_file(name, target, user, group, mode, optional=optional))
    return mounts, variables


def _secret_file(name: str, target: str, uid: int = 0, gid: int = 0, mode: int = 0o400, *, optional: bool) -> MountSpec:
    where = target or "/run/secrets/" + name.rstrip("/").rpartition("/")[2]
    return secret(name, where, uid=uid, gid=gid, mode=mode, optional=optional)
