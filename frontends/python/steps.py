# SPDX-License-Identifier: Apache-2.0
"""Steps with a Dockerfile's meaning, for `State.with_`: `copy`, `run`, `workdir`, `file`, `env`, `user`.

`image("debian:12").with_(workdir("/app"), copy("src/", to="./"), run("make", cache=["/root"]))` is the graph that
`FROM`, `WORKDIR`, `COPY` and `RUN` make, digest by digest: wildcards, parents that are made, the build's shell,
name spaces of caches. The methods of a state are the plain operations below them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.patterns import clean
from ladle.frontends.python import ambient, errors
from ladle.frontends.python.results import Image, sh
from ladle.frontends.python.targets import Target
from ladle.frontends.suggest import nearest
from ladle.llb import mounts as llb_mounts
from ladle.llb.actions import Actions, CopyOptions
from ladle.llb.mounts import MountSpec
from ladle.llb.nodes import OpOptions
from ladle.llb.ops.exec import NetMode, ProxyEnv, SecretEnv
from ladle.llb.ops.file import KEEP
from ladle.llb.ops.mount import CacheSharing
from ladle.llb.paths import join, join_keeping_slash
from ladle.llb.state import ExecState, State

if TYPE_CHECKING:
    from ladle.llb.metadata import Location

Step: TypeAlias = Callable[[State], State]
"""What `State.with_` applies."""
Tree: TypeAlias = State | ExecState | Image | Target[..., Any] | str
"""What can be copied from or mounted: a tree, what a target returns, the target itself, or the name of an image."""

NETWORKS = {"default": None, "none": NetMode.NONE, "host": NetMode.HOST}
SHARINGS = {"shared": CacheSharing.SHARED, "private": CacheSharing.PRIVATE, "locked": CacheSharing.LOCKED}
T = TypeVar("T")
_LARGEST_MODE = 0o7777
_HEREDOC = "/EOF"
"""Where a text is before it is copied: as in a Dockerfile's `COPY <<EOF`, so that both are the same step."""
_AGENT = "SSH_AUTH_SOCK"
_SOCKET = "/run/buildkit/ssh_agent.0"
_EPOCH = "SOURCE_DATE_EPOCH"
_NAMESPACE = "BUILDKIT_CACHE_MOUNT_NS"


def copy(
    *paths: str,
    to: str,
    source: Tree | None = None,
    owner: str = "",
    mode: int | str | None = None,
    exclude: Sequence[str] = (),
) -> Step:
    """Copy paths, with `*`, `?` and `[…]`, of the build context or of `source`; of a directory what is in it."""
    if not paths or not all(paths):
        raise _wrong("copy() has no path to copy", 'name what is copied, such as copy("src/", to="/src/")')
    tree = ambient.context() if source is None else tree_of(source).dir("/")
    options: CopyOptions = {
        **_copied(owner, mode),
        "follow_symlink": True,
        "dir_copy_contents": True,
        "allow_wildcard": True,
        "allow_empty_wildcard": True,
    }
    if exclude:
        options["exclude_patterns"] = tuple(exclude)
    where = "./" if to in ("", ".") else to
    target = where if len(paths) < 2 or where.endswith("/") else f"{where}/"
    made = _here()

    def step(state: State) -> State:
        chain = Actions()
        for path in paths:
            chain = chain.copy(tree, join("/", path), join_keeping_slash(state.get_dir(), target), **options)
        return state.file(chain, **made)

    return step


def run(
    command: str | Sequence[str],
    *,
    cache: Iterable[str | MountSpec] = (),
    secrets: Iterable[str | MountSpec | SecretEnv] = (),
    ssh: bool = False,
    mounts: Iterable[MountSpec] = (),
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    network: NetMode | str | None = None,
) -> Step:
    """Run a text by the shell, or words as they are; of a text of several lines the first that fails ends it.

    `cache` are directories that outlive the build, `secrets` are files `/run/secrets/ID`, `ssh` forwards the agent.
    """
    args = shell(command) if isinstance(command, str) else list(command)
    asked = [cached(each) if isinstance(each, str) else each for each in cache]
    asked += mounts
    files, variables = _secrets(secrets)
    asked += files
    if ssh:
        asked.append(llb_mounts.ssh(_SOCKET, optional=True))
    net = _chosen("network", network, NETWORKS) if isinstance(network, str) else network
    if not args or not (command if isinstance(command, str) else args[0]).strip():
        raise _wrong("run() has no command", "give a text for the shell, or the words of a command")
    given = _proxies()
    made = _here()

    def step(state: State) -> State:
        values = dict(env or {})
        if ssh and _AGENT not in values and state.get_env(_AGENT) is None:
            values[_AGENT] = _SOCKET
        return state.run(
            args,
            mounts=asked,
            env=values or None,
            user=user,
            network=net,
            secret_env=variables,
            proxy_env=given,
            **made,
        ).root

    return step


def cached(target: str, *, id: str = "", sharing: CacheSharing | str = CacheSharing.SHARED) -> MountSpec:
    """Return a directory that outlives the build, for `run(cache=…)`; steps that want the same `id` share it."""
    name = f"{_arguments().get(_NAMESPACE, '')}/{id or clean(target)}"
    how = _chosen("sharing", sharing, SHARINGS) if isinstance(sharing, str) else sharing
    return llb_mounts.cache(target, id=name, sharing=how)


def mounted(target: str, source: Tree | None = None, *, path: str = "/") -> MountSpec:
    """Return a path of the build context or of `source`, to be read by one step, for `run(mounts=…)`."""
    tree = ambient.context() if source is None else tree_of(source)
    inside = join("/", path)
    return llb_mounts.bind(tree, target, path="" if inside == "/" else inside)


def workdir(path: str) -> Step:
    """Set the directory of later steps and of containers, and make it if it is not there."""
    made = _here()

    def step(state: State) -> State:
        state = state.dir(path)
        where = state.get_dir()
        if where == "/":
            return state
        chain = Actions().mkdir(where, parents=True, owner=state.get_user() or None, timestamp=_timestamp())
        return state.file(chain, **made)

    return step


def file(path: str, content: str, *, owner: str = "", mode: int | str | None = None) -> Step:
    """Write a file; its directory is made if it is not there."""
    source = State().mkfile(_HEREDOC, content)
    options = _copied(owner, mode)
    made = _here()

    def step(state: State) -> State:
        target = join_keeping_slash(state.get_dir(), path)
        return state.file(Actions().copy(source, _HEREDOC, target, **options), **made)

    return step


def env(**values: str) -> Step:
    """Set variables of later steps and of containers."""
    return lambda state: state.env(**values)


def user(name: str) -> Step:
    """Set who runs later steps and containers."""
    return lambda state: state.user(name)


def shell(text: str) -> list[str]:
    """Return the arguments of a run that gives a text to the shell; of several lines the first that fails ends it."""
    body = text.removesuffix("\n")
    return sh(f"set -e\n{text}" if "\n" in body else body)


def tree_of(made: Tree) -> State:
    """Return the tree that something to copy from or to mount stands for."""
    if isinstance(made, str):
        return ambient.image(made)
    if isinstance(made, Target):
        return tree_of(made())
    if isinstance(made, Image):
        return made.state
    return made.root if isinstance(made, ExecState) else made


def _secrets(asked: Iterable[str | MountSpec | SecretEnv]) -> tuple[list[MountSpec], list[SecretEnv]]:
    files: list[MountSpec] = []
    variables: list[SecretEnv] = []
    for each in asked:
        if isinstance(each, SecretEnv):
            variables.append(each)
        else:
            files.append(llb_mounts.secret(each, optional=True) if isinstance(each, str) else each)
    return files, variables


def _copied(owner: str, mode: int | str | None) -> CopyOptions:
    options: CopyOptions = {"create_dest_path": True, "timestamp": _timestamp()}
    if owner:
        options["owner"] = owner
    if isinstance(mode, str) and _is_symbolic(mode):
        options["mode"] = 0
        options["mode_str"] = mode
    elif mode is not None:
        options["mode"] = _octal(mode)
    return options


def _is_symbolic(mode: str) -> bool:
    from ladle.frontends.yaml.modes import is_symbolic

    return is_symbolic(mode)


def _octal(mode: int | str) -> int:
    """Return a mode; refuses 644 and 755, which somebody forgot the `0o` of."""
    digits = str(mode).removeprefix("0o")
    octal = digits.isascii() and digits.isdigit() and len(digits) < 8 and not set(digits) & {"8", "9"}
    if isinstance(mode, str) and octal and int(digits, 8) <= _LARGEST_MODE:
        return int(digits, 8)
    forgot = octal and len(digits) == 3 and (isinstance(mode, str) or mode > 0o777)
    if isinstance(mode, str) or forgot or not 0 <= mode <= _LARGEST_MODE:
        meant = f"0o{digits}" if forgot else "0o644"
        raise _wrong(f"the mode {mode!r} is none", f'write it as {meant}, or as "u=rwX,go-w"')
    return mode


def _chosen(what: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        near = nearest(name, known)
        meant = f"did you mean {near!r}? " if near else ""
        raise _wrong(f"{what}={name!r} is not known", f"{meant}there are {', '.join(map(repr, known))}")
    return known[name]


def _wrong(what: str, wanted: str) -> DiagnosticError:
    return DiagnosticError([errors.bad_step(what, wanted)])


def _proxies() -> ProxyEnv | None:
    given = _arguments()
    if not given:
        return None
    from ladle.frontends.dockerfile.arguments import proxies  # with all of its language: not for every start

    return proxies(given)


def _arguments() -> Mapping[str, str]:
    work = ambient.current()
    return {} if work is None else work.context.options.build_args


def _timestamp() -> int:
    text = _arguments().get(_EPOCH, "")
    return int(text) * 10**9 if text else KEEP


def _here() -> OpOptions:
    """Return as place of a step the call that described it, not the one that puts it on a tree."""
    work = ambient.current()
    place = None if work is None else work.sources.here()
    if work is None or place is None:
        return {}
    location: Location = work.sources.location(place)
    return {"location": location}
