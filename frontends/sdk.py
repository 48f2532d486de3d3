# SPDX-License-Identifier: Apache-2.0
"""What a frontend in one file imports: the decorator, the result, errors with positions, and the graph's builder API.

from ladle.frontends.sdk import frontend, llb

@frontend
def compile(context):
    name, data = context.build_file()
    return llb.image("docker.io/library/busybox").run(["sh", "-c", data.decode()]).root
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ladle import llb
from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Label, Severity, SourceText, Span
from ladle.core.api.errors import BuildError
from ladle.core.api.frontend import BuildResult, CallResult, ImageResult

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context
    from ladle.llb.ops import Platform
    from ladle.llb.state import State

__all__ = [
    "BuildError",
    "BuildResult",
    "CallResult",
    "Image",
    "ImageResult",
    "error",
    "frontend",
    "llb",
    "warning",
]


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
        self._takes_platform = "platform" in inspect.signature(function).parameters

    def detect(self, path: str, head: bytes) -> bool:  # noqa: ARG002 — as the contract says
        """Say whether a build file's name matches one of the patterns."""
        from fnmatch import fnmatchcase

        base = path.rpartition("/")[2]
        return any(fnmatchcase(base, pattern) for pattern in self.FILES)

    def compile(self, context: Context) -> BuildResult:
        """Call the function, once for each platform if it takes one, and return what it made."""
        platforms = context.options.platforms
        if not self._takes_platform:
            made = self.function(context)
            if isinstance(made, BuildResult):
                return made
            return BuildResult(images=tuple(_image(made, platform, self.NAME) for platform in platforms))
        images = [_image(self.function(context, platform=platform), platform, self.NAME) for platform in platforms]
        return BuildResult(images=tuple(images))

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


def _image(made: object, platform: Platform, name: str) -> ImageResult:
    if isinstance(made, ImageResult):
        return made
    if isinstance(made, llb.State):
        made = Image(made)
    if not isinstance(made, Image):
        raise BuildError(
            f"the frontend {name!r} returned {type(made).__name__}",
            code="FE0005",
            help="return a state, an Image or a BuildResult",
        )
    config = {"architecture": platform.architecture, "os": platform.os, "config": made.config, "history": []}
    if platform.variant:
        config["variant"] = platform.variant
    state = llb.State.from_definition(made.state.marshal(platform=platform))
    return ImageResult(platform=platform, state=state, config=config)


def error(context: Context, message: str, *, line: int = 0, help: str = "", code: str = "FE1000") -> DiagnosticError:
    """Return an error about a line of the build file (from 1), to be raised."""
    return DiagnosticError([_finding(context, message, line, help, code, Severity.ERROR)])


def warning(context: Context, message: str, *, line: int = 0, help: str = "", code: str = "FE1001") -> None:
    """Warn about a line of the build file (from 1); the build goes on."""
    context.warn(_finding(context, message, line, help, code, Severity.WARNING))


def _finding(context: Context, message: str, line: int, help: str, code: str, severity: Severity) -> Diagnostic:
    name, data = context.build_file()
    text = data.decode(errors="replace")
    lines = text.split("\n")
    number = min(max(line, 1), len(lines))
    start = sum(len(each) + 1 for each in lines[: number - 1])
    span = Span(SourceText(name, text), start, start + len(lines[number - 1]))
    return Diagnostic(code=code, severity=severity, message=message, labels=(Label(span),), help=help)
