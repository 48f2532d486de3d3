# SPDX-License-Identifier: Apache-2.0
"""What a frontend in one file imports: the decorator, the result, lines with positions, bases, and the graph's API.

from ladle.frontends.sdk import base, frontend, lines

@frontend
def compile(context):
    state = base(context, "busybox")
    for line in lines(context):
        state = state.run(["sh", "-c", line.text]).root
    return state
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from ladle import llb
from ladle.core.api.diagnostics import DiagnosticError, Severity
from ladle.core.api.errors import BuildError
from ladle.core.api.frontend import BuildResult, CallResult, ImageResult
from ladle.frontends.bench import Line, at_work, bench_of, completed, finding

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context
    from ladle.frontends.bench import Bench
    from ladle.llb.ops import Platform
    from ladle.llb.state import State

__all__ = [
    "BuildError",
    "BuildResult",
    "CallResult",
    "Image",
    "ImageResult",
    "Line",
    "base",
    "error",
    "files",
    "frontend",
    "lines",
    "llb",
    "warning",
]

CALLS = ("lint", "outline", "targets", "describe", "schema")
"""What a frontend may be asked beside a compile."""


class Image:
    """A tree and what its containers run; texts in the image config's terms, durations left to `config`."""

    def __init__(
        self,
        state: State,
        *,
        entrypoint: Sequence[str] = (),
        cmd: Sequence[str] = (),
        user: str = "",
        workdir: str = "",
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        ports: Sequence[str] = (),
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.state = state
        variables = dict(text.partition("=")[::2] for text in state.settings.environment.texts) | dict(env or {})
        known = {
            "Entrypoint": list(entrypoint),
            "Cmd": list(cmd),
            "User": user or state.get_user(),
            "WorkingDir": workdir or (state.get_dir() if state.get_dir() != "/" else ""),
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "Labels": dict(labels or {}),
            "ExposedPorts": {port if "/" in port else f"{port}/tcp": {} for port in ports},
        }
        self.config = {name: value for name, value in known.items() if value} | dict(config or {})


class FunctionFrontend:
    """A function as a frontend; `NAME`, `VERSION`, `detect` and `compile` are the contract's."""

    def __init__(self, function: Callable[..., Any], *, name: str, version: str, files: Sequence[str]) -> None:
        self.function = function
        self.NAME = name or function.__name__
        self.VERSION = version
        self.FILES = tuple(files)
        self.__doc__ = function.__doc__
        self._answers: dict[str, Callable[..., Any]] = {}
        self._takes_platform = "platform" in inspect.signature(function).parameters

    def detect(self, path: str, head: bytes) -> bool:  # noqa: ARG002 — as the contract says
        """Say whether a build file's name matches one of the patterns."""
        from fnmatch import fnmatchcase

        base = path.rpartition("/")[2]
        return any(fnmatchcase(base, pattern) for pattern in self.FILES)

    def compile(self, context: Context) -> BuildResult:
        """Call the function, once for each platform if what it makes depends on it, and return what it made."""
        images: list[ImageResult] = []
        for platform in context.options.platforms:
            with at_work(context, platform) as bench:
                named = {"platform": platform} if self._takes_platform else {}
                made = self.function(context, **named)
                bench.check()
                if isinstance(made, BuildResult):
                    return made
                if not self._takes_platform and not bench.has_bases:
                    return BuildResult(
                        images=tuple(self._plain(made, each, context) for each in context.options.platforms)
                    )
                images.append(self._result(made, bench))
        return BuildResult(images=tuple(images))

    def _result(self, made: object, bench: Bench) -> ImageResult:
        """Return what was made for the platform of a bench."""
        if isinstance(made, ImageResult):
            return made
        if not bench.has_bases:
            return self._plain(made, bench.platform, bench.context)
        from ladle.frontends.python.compile import settle

        image: ImageResult = completed(bench, _as_image(made, self.NAME), None)
        settle(cast("Any", bench), [image.state])
        return image

    def _plain(self, made: object, platform: Platform, context: Context) -> ImageResult:
        """Return what was made without a base that was looked up: its config is what it says of itself."""
        if isinstance(made, ImageResult):
            return made
        image = _as_image(made, self.NAME)
        config: dict[str, Any] = {"architecture": platform.architecture, "os": platform.os, "history": []}
        if platform.variant:
            config["variant"] = platform.variant
        config["config"] = dict(image.config)
        if labels := {**image.config.get("Labels", {}), **context.options.labels}:
            config["config"]["Labels"] = labels
        state = llb.State.from_definition(image.state.marshal(platform=platform))
        return ImageResult(platform=platform, state=state, config=config)

    def answers(self, call: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make a function of a context answer a call: `lint`, `outline`, `targets`, `describe` or `schema`.

        It returns a text, JSON-able data or a `CallResult`; `lines` and what else is there in a compile works too.
        """
        if call not in CALLS:
            raise BuildError(f"{call!r} is no call", code="FE0009", help=f"one of {', '.join(CALLS)}")

        def keep(function: Callable[..., Any]) -> Callable[..., Any]:
            self._answers[call] = function
            return function

        return keep

    def __getattr__(self, call: str) -> Any:
        if call.startswith("_") or call not in self._answers:
            raise AttributeError(call)
        return lambda context: self._answer(self._answers[call], context)

    def _answer(self, function: Callable[..., Any], context: Context) -> CallResult:
        with at_work(context, context.options.platforms[0]) as bench:
            made = function(context)
            bench.check()
        if isinstance(made, CallResult):
            return made
        if isinstance(made, str):
            return CallResult(data=made.splitlines(), text=made)
        import json

        return CallResult(data=made, text=json.dumps(made, indent=2) + "\n")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


def frontend(
    function: Callable[..., Any] | None = None, /, *, name: str = "", version: str = "1", files: Sequence[str] = ()
) -> Any:
    """Make a function of a context the frontend of its file; it returns a state, an `Image` or a `BuildResult`.

    With a parameter `platform` it is called once for each platform. `files` are patterns of the names that it answers
    to where it is installed.
    """
    if function is not None:
        return FunctionFrontend(function, name=name, version=version, files=files)
    return lambda found: FunctionFrontend(found, name=name, version=version, files=files)


def lines(context: Context, *, comment: str = "#") -> Iterator[Line]:
    """Yield the lines of the build file that say something; every step made meanwhile is known to be of that line.

    After the last one the errors that `line.wrong` has noted are raised.
    """
    return bench_of(context).lines(comment)


def base(context: Context, ref: str) -> State:
    """Return an image as a state: looked up, with what its config says of variables, user and directory.

    A `--build-context` of that name takes its place; `scratch` is empty, `host://` is this machine. What the frontend
    returns on top of it has its config.
    """
    bench = bench_of(context)
    return bench.bases.image(ref, bench.platform)


def files(context: Context, name: str = "") -> State:
    """Return the build context, without what its ignore file names, or a named one; only what is copied is read."""
    return bench_of(context).bases.tree(name)


def _as_image(made: object, name: str) -> Image:
    if isinstance(made, llb.ExecState):
        made = made.root
    if isinstance(made, llb.State):
        made = Image(made)
    if not isinstance(made, Image):
        raise BuildError(
            f"the frontend {name!r} returned {type(made).__name__}",
            code="FE0005",
            help="return a state, an Image or a BuildResult",
        )
    return made


def error(context: Context, message: str, *, line: int = 0, help: str = "", code: str = "FE1000") -> DiagnosticError:
    """Return an error about a line of the build file (from 1), to be raised."""
    return DiagnosticError([finding(context, Severity.ERROR, message, line=line, code=code, help=help)])


def warning(context: Context, message: str, *, line: int = 0, help: str = "", code: str = "FE1001") -> None:
    """Warn about a line of the build file (from 1); the build goes on."""
    context.warn(finding(context, Severity.WARNING, message, line=line, code=code, help=help))
