# SPDX-License-Identifier: Apache-2.0
"""What a build file asks of the build that it is in: `image`, `context`, `read`, `listing`, `machine`, `warn`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError

if TYPE_CHECKING:
    from ladle.frontends.python.work import Work
    from ladle.llb.ops.platform import Platform
    from ladle.llb.state import State

_works: list[Work] = []


def current() -> Work | None:
    """Return the work of the build that is going on, None outside of one."""
    return _works[-1] if _works else None


@contextmanager
def going_on(work: Work) -> Iterator[None]:
    """Let the functions here ask this work."""
    from ladle.llb.nodes import on_made
    from ladle.llb.outside import use_engine

    before, builder = on_made(work.made), use_engine(work)
    _works.append(work)
    try:
        yield
    finally:
        _works.pop()
        on_made(before)
        use_engine(builder)


def image(ref: str, *, platform: Platform | None = None) -> State:
    """Return an image, looked up: its digest is fixed, and its variables, user and directory hold for what follows.

    A `--build-context` of that name takes its place. What a target returns on top of it has its config.
    """
    return _asked("image", "llb.image").image(ref, platform)


def build_platform() -> Platform:
    """Return the platform of the machine that builds, for `image(…, platform=build_platform())` of a cross compiler."""
    work = _asked("build_platform", "Platform")
    return work.context.options.build_platform or work.platform


def context(name: str = "") -> State:
    """Return the build context without what its ignore file leaves out, or a named one; only what is copied is sent."""
    return _asked("context", "llb.local").context_tree(name)


def machine() -> State:
    """Return the machine itself as a base (`host://`)."""
    return _asked("machine", "llb.host").machine()


def read(path: str) -> bytes | None:
    """Return a file of the build context, None if it is absent. The build file is run again once it changes."""
    return _asked("read", "open").context.read(path)


def listing(path: str = ".") -> tuple[str, ...] | None:
    """Return the sorted names in a directory of the build context (directories end with `/`), None if it is absent."""
    return _asked("listing", "os.listdir").listing(path)


def warn(message: str, *, help: str = "") -> None:
    """Warn about the line that calls this; the build goes on."""
    _asked("warn", "warnings.warn").warn(message, help)


def _asked(what: str, instead: str) -> Work:
    work = current()
    if work is None:
        from ladle.frontends.python import errors

        raise DiagnosticError([errors.outside(what, instead)])
    return work
