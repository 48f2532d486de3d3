# SPDX-License-Identifier: Apache-2.0
"""Trees that a build begins with or copies from: images looked up, the build context, named contexts, the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.errors import BuildError
from ladle.core.api.giturl import parse_git_url
from ladle.core.api.reference import parse_reference
from ladle.frontends.dockerfile.imageconfig import DEFAULT_PATH, ImageConfig
from ladle.frontends.dockerfile.localcontext import LocalContext
from ladle.frontends.python import errors
from ladle.llb.mounts import tmpfs
from ladle.llb.ops.exec import NetMode
from ladle.llb.sources import git, host, http, source
from ladle.llb.state import State

if TYPE_CHECKING:
    from ladle.core.api.frontend import HostBase, NamedContext, ResolvedImage
    from ladle.frontends.python.work import Work
    from ladle.llb.nodes import Node
    from ladle.llb.ops.platform import Platform

_NETWORKS = {"none": NetMode.NONE, "host": NetMode.HOST}
_SCHEME = "docker-image://"


class Bases:
    """The trees of one compile, each made once."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.locals: dict[str, LocalContext] = {}
        self._images: dict[tuple[str, Platform], State] = {}
        self._configs: dict[int, tuple[Node, ImageConfig]] = {}

    def config_of(self, node: Node) -> ImageConfig | None:
        """Return the image config of a base by its step, None for other steps."""
        found = self._configs.get(id(node))
        return None if found is None else found[1]

    def image(self, ref: str, platform: Platform) -> State:
        """Return an image, or what stands in its place, as the state that steps are put on."""
        key = (ref, platform)
        if key not in self._images:
            self._images[key] = self._found(ref, platform)
        return self._images[key]

    def _found(self, ref: str, platform: Platform) -> State:
        if ref == "scratch":
            return self._settled(State(), ImageConfig.empty(platform), platform)
        if ref == "host://":
            return self.machine()
        try:
            name = parse_reference(ref.removeprefix(_SCHEME)).familiar()
        except ValueError as error:
            raise BuildError(
                f"{ref!r} is no name of an image: {error}", code="PF0018", help="write it as name:tag"
            ) from None
        named = self._work.context.named_context(name, platform=platform)
        if named is not None:
            return self._named(named, platform)
        return self._looked_up(self._work.context.resolve_image(ref.removeprefix(_SCHEME), platform=platform), platform)

    def _named(self, named: NamedContext, platform: Platform) -> State:
        if named.image is not None:
            return self._looked_up(named.image, platform)
        if named.host is not None:
            return self._of_host(named.host)
        if named.kind == "stage":
            made = self._work.target_tree(named.value)
            return made if self.config_at(made) else self._settled(made, ImageConfig.empty(platform), platform)
        return self._settled(self._tree(named), ImageConfig.empty(platform), platform)

    def config_at(self, state: State) -> ImageConfig | None:
        """Return the image config of the base that a state is right at."""
        return None if state.output is None else self.config_of(state.output.node)

    def _looked_up(self, image: ResolvedImage, platform: Platform) -> State:
        try:
            config = ImageConfig.parse(image.config)
        except ValueError as error:
            raise DiagnosticError([errors.bad_config(image.name, str(error))]) from None
        state = State()
        if config.has_layers:
            where = f"{image.scheme}://{image.pinned}"
            state = source(where, dict(image.attrs), platform=platform, name=f"FROM {image.pinned}")
        return self._settled(state, config, platform)

    def _settled(self, state: State, config: ImageConfig, platform: Platform) -> State:
        """Give a base the settings that its config and the build's options say."""
        options = self._work.context.options
        if not any(entry.startswith("PATH=") for entry in config.words("Env")):
            config.config["Env"] = [*config.words("Env"), f"PATH={DEFAULT_PATH}"]
        if state.output is not None:
            self._configs[id(state.output.node)] = (state.output.node, config)
        state = state.platform(platform).dir(config.text("WorkingDir") or "/").user(config.text("User"))
        for entry in config.words("Env"):
            name, _, value = entry.partition("=")
            state = state.add_env(name, value)
        if options.hostname:
            state = state.hostname(options.hostname)
        if options.network in _NETWORKS:
            state = state.network(_NETWORKS[options.network])
        for name, address in options.add_hosts:
            state = state.add_extra_host(name, address)
        for name, soft, hard in options.ulimits:
            state = state.add_ulimit(name, soft, hard)
        return state.with_mounts(tmpfs("/dev/shm", size=options.shm_size)) if options.shm_size else state

    def machine(self) -> State:
        """Return the machine as a base."""
        return self._of_host(self._work.context.resolve_host())

    def _of_host(self, base: HostBase) -> State:
        platform = self._work.platform
        config = ImageConfig.empty(platform)
        for entry in base.env:
            name, _, value = entry.partition("=")
            config.set_env(name, value)
        return self._settled(host(dirs=base.dirs, name="FROM host://"), config, platform)

    def tree(self, name: str) -> State:
        """Return the build context, or a named context as a tree to copy from."""
        if not name:
            return self._local("context", "[internal] load build context", "context", self._ignored)
        named = self._work.context.named_context(name, platform=self._work.platform)
        if named is None:
            raise BuildError(
                f"this build has no context {name!r}", code="PF0019", help=f"give it with --build-context {name}=…"
            )
        if named.kind in ("local", "git", "http"):
            return self._tree(named)
        return self._named(named, self._work.platform)

    def _tree(self, named: NamedContext) -> State:
        if named.kind == "git":
            url = parse_git_url(named.value)
            return git(
                url.remote,
                url.ref,
                subdir=url.subdir,
                keep_git_dir=bool(url.keep_git_dir),
                checksum=url.checksum,
                skip_submodules=not url.submodules,
                mtime=url.mtime,
                fetch_by_commit=url.fetch_by_commit,
            )
        if named.kind == "http":
            return http(named.value)
        shown = f"[context {named.name}] load from client"
        return self._local(named.local, shown, f"context:{named.name}", lambda: self._patterns(named))

    def _local(self, name: str, shown: str, hint: str, excludes: object) -> State:
        if name not in self.locals:
            patterns = excludes() if callable(excludes) else ()
            self.locals[name] = LocalContext(name, shown, hint, patterns)
        return self.locals[name].state

    def _ignored(self) -> tuple[str, ...]:
        from ladle.frontends.dockerfile.ignoring import context_patterns

        return context_patterns(self._work.context)

    def _patterns(self, named: NamedContext) -> tuple[str, ...]:
        from ladle.frontends.dockerfile.ignoring import ignore_patterns

        return () if named.ignore is None else ignore_patterns(f"{named.name}/.dockerignore", named.ignore)
