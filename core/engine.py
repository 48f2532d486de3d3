# SPDX-License-Identifier: Apache-2.0
"""ladle in a program: `with Engine() as engine: engine.export(app, type="oci", dest="app.tar")`.

Importing this module is enough for `state.solve()` and `state.export(…)`: each makes an engine of its own then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import InternalError, UsageError
from ladle.core.api.platforms import format_platform
from ladle.core.build.build import Build, log_directory
from ladle.core.build.compiled import Compiled, CompiledImage
from ladle.core.build.composing import Solved as SolvedTree
from ladle.core.build.request import make_request
from ladle.core.cli.options import defaults
from ladle.core.cli.setup import make_registry, source_schemes
from ladle.core.progress.modes import Renderer, make_renderer
from ladle.core.progress.reporter import BuildReporter, Event
from ladle.core.store.store import Store
from ladle.frontends.python.ambient import going_on
from ladle.frontends.python.compile import finished, settle
from ladle.frontends.python.results import Image
from ladle.frontends.python.sources import ScriptSources
from ladle.frontends.python.targets import Target
from ladle.frontends.python.work import Work
from ladle.llb.marshalling import marshal
from ladle.llb.outside import use_engine
from ladle.llb.state import ExecState, State
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from typing import TypeAlias

    from ladle.core.api.frontend import ImageResult
    from ladle.core.build.context import RecordingContext
    from ladle.core.build.outcome import Outcome
    from ladle.core.build.runners.environment import Environment
    from ladle.llb.ops.platform import Platform
    from ladle.llb.outside import Tree

Made: TypeAlias = "State | ExecState | Image | Target[..., Any]"
"""What can be built: a state, a run's result, an image, or a target, which is called."""
Path: TypeAlias = "str | os.PathLike[str]"
Outputs: TypeAlias = "tuple[tuple[str, Mapping[str, str]], ...]"
Progress: TypeAlias = "Callable[[Event], None] | str"
"""A function that is told of every event, or one of the modes of `--progress`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written: a line for each output, and what `--metadata-file` would hold."""

    summaries: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The digest of the image, "" where none was made."""
        return str(self.metadata.get("containerimage.digest", ""))


class Engine:
    """Builds states. As a context manager it also answers what targets ask: `image`, `context`, `read` and so on.

    The words are those of `ladle build`: `context` is the directory of the build context, `contexts` are named ones as
    in `--build-context`, `secrets` the values themselves by id.
    """

    def __init__(
        self,
        context: Path = ".",
        *,
        build_args: Mapping[str, str] | None = None,
        contexts: Mapping[str, str] | None = None,
        secrets: Mapping[str, str | bytes] | None = None,
        ssh: Sequence[str] = (),
        platforms: Sequence[str] = (),
        allow: Sequence[str] = (),
        no_cache: bool = False,
        offline: bool = False,
        jobs: int = 0,
        root: Path = "",
        progress: Progress = "quiet",
    ) -> None:
        values = {
            **defaults(),
            "build_args": tuple(f"{name}={value}" for name, value in (build_args or {}).items()),
            "contexts": tuple(f"{name}={value}" for name, value in (contexts or {}).items()),
            "agents": tuple(ssh),
            "platforms": tuple(platforms),
            "allow": tuple(allow),
            "no_cache": no_cache,
            "offline": offline,
            "jobs": str(jobs or ""),
            "root": os.fspath(root),
        }
        directory = os.path.abspath(os.fspath(context))
        request = make_request(values, [directory], environ=os.environ, schemes=source_schemes)
        self.request = replace(request, build_file=os.path.join(directory, "ladle.py"))
        self._secrets = {
            name: text.encode() if isinstance(text, str) else text for name, text in (secrets or {}).items()
        }
        self._progress = progress
        self._stack = ExitStack()
        self._base: _Base | None = None

    def __enter__(self) -> Engine:
        if self._base is not None:
            raise UsageError("this engine is in use already", code="LA0190", help="leave it first, or make another")
        with ExitStack() as stack:
            shown = self._progress
            renderer: Renderer = make_renderer(shown) if isinstance(shown, str) else _Told(shown)
            stack.callback(renderer.close)
            store = Store.open(self.request.root or None)
            stack.callback(store.close)
            reporter = BuildReporter(renderer, log_dir=log_directory(store.root))
            stack.callback(reporter.close)
            base = _Base(self.request, registry=make_registry(), store=store, reporter=reporter)
            stack.enter_context(base.opened(self._secrets))
            self.work = Work(base.context, ScriptSources())
            stack.enter_context(going_on(self.work))
            stack.callback(use_engine, use_engine(self))
            self._stack = stack.pop_all()
        self._base = base
        return self

    def __exit__(self, *_: object) -> None:
        self._base = None
        self._stack.close()

    def solve(self, made: Made) -> Tree:
        """Build and return the tree, to be read; raises `BuildError` for what goes wrong."""
        if self._base is None:
            raise _not_entered()
        state = self._image(made).state
        settle(self.work, [state])
        return self._base.tree(state)

    def export(
        self, made: Made, *, type: str = "oci", dest: str | os.PathLike[str] = "", **attributes: str
    ) -> Exported:
        """Build and write the result by an exporter; `attributes` are those of `ladle build -o type=TYPE,…`."""
        if self._base is None:
            raise _not_entered()
        given = {"dest": os.path.abspath(os.fspath(dest))} if dest else {}
        epoch = self._epoch()
        images = self._images(made, epoch)
        settle(self.work, [image.state for image in images])
        outcome = self._base.export(images, ((type, given | attributes),), epoch)
        return Exported(summaries=outcome.summaries, metadata=outcome.metadata)

    def _epoch(self) -> int | None:
        text = self.request.options.build_args.get("SOURCE_DATE_EPOCH", "")
        return int(text) if text.isascii() and text.isdigit() else None

    def _images(self, made: Made, epoch: int | None) -> list[ImageResult]:
        found = []
        for platform in self.request.options.platforms:
            self.work.platform = platform
            found.append(finished(self.work, self._image(made), platform, epoch))
        return found

    def _image(self, made: Made) -> Image:
        what = made() if isinstance(made, Target) else made
        return what if isinstance(what, Image) else Image(what)


def solve(made: Made) -> Tree:
    """Build and return the tree, by an engine that is there until the program ends."""
    return _standing().solve(made)


def export(made: Made, *, type: str = "oci", dest: Path = "", **attributes: str) -> Exported:
    """Build and write the result, by an engine that is there until the program ends."""
    return _standing().export(made, type=type, dest=dest, **attributes)


def close() -> None:
    """End the engine of `solve` and `export`, if there is one; the end of the program does it too."""
    while _kept:
        _kept.pop().__exit__(None, None, None)
    use_engine(_Standing())


class _Standing:
    """What builds where no engine was entered."""

    def solve(self, state: State) -> Tree:
        """Build a state and return its tree."""
        return solve(state)

    def export(self, made: State, *, type: str, dest: str, **attributes: str) -> Exported:
        """Build a state and write it."""
        return export(made, type=type, dest=dest, **attributes)


_kept: list[Engine] = []


def _standing() -> Engine:
    if not _kept:
        import atexit

        atexit.register(close)
        _kept.append(Engine().__enter__())
    return _kept[-1]


class _Told:
    """Tells a function of every event."""

    def __init__(self, told: Callable[[Event], None]) -> None:
        self._told = told

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        self._told(event)

    def close(self) -> None:
        """Do nothing."""


class _Base(Build):
    """A build without a file: what it is to solve and to export comes from a program."""

    context: RecordingContext
    _compiled: Compiled | None = None
    _given: Mapping[str, bytes] = {}

    @contextmanager
    def opened(self, secrets: Mapping[str, bytes]) -> Iterator[None]:
        """Have a worker and a context to ask while this lasts."""
        with self._stack:
            self._given = secrets
            self._add_secrets()
            environment = self._environment()
            self._add_contexts(environment)
            _, self.context = self._frontend_context(environment)
            yield

    def _add_secrets(self) -> None:
        super()._add_secrets()
        for name, data in self._given.items():
            self.session.add_secret(name, data)

    def tree(self, state: State) -> Tree:
        """Solve a state."""
        return SolvedTree(self._subsolver, self._subsolver.solve(state.marshal(platform=self._platform()))[1])

    def export(self, images: Sequence[ImageResult], outputs: Outputs, epoch: int | None) -> Outcome:
        """Solve images and write them, by a build of their own on the same session."""
        names = [""] if len(images) == 1 else [format_platform(image.platform) for image in images]
        states = {name: image.state for name, image in zip(names, images, strict=True)}
        compiled = Compiled(
            definition=marshal(states, platform=self._platform()),
            images=tuple(
                CompiledImage(
                    platform=image.platform, result=name, config=image.config, base_history=image.base_history
                )
                for name, image in zip(names, images, strict=True)
            ),
            epoch=epoch,
            replayable=False,
        )
        request = replace(self.request, outputs=outputs)
        build = _Base(request, registry=self.registry, store=self.store, reporter=self.reporter)
        build.session, build._compiled, build._given = self.session, compiled, self._given
        return build.run()

    def compile(self, environment: Environment | None = None) -> Compiled:  # noqa: ARG002 — as `Build` calls it
        """Return what was given."""
        if self._compiled is None:
            raise InternalError("there is nothing to build")
        return self._compiled

    def _platform(self) -> Platform:
        return self.request.options.platforms[0]


def _not_entered() -> UsageError:
    return UsageError("this engine is not in use", code="LA0191", help="write `with Engine() as engine:`")


use_engine(_Standing())
