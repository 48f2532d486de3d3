# SPDX-License-Identifier: Apache-2.0
"""The conformance suite: conversations that every frontend has to get through (docs/frontend-protocol.md)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from ladle.core.api import frontend_wire as wire
from ladle.core.api.channel import ChannelError
from ladle.core.api.diagnostics import Severity
from ladle.core.api.platforms import format_platform
from ladle.core.cli.frontend.peer import Heard, Plan, Target, TestContext, converse
from ladle.frontends.testing.graphs import first_difference, graph_of
from ladle.llb.errors import LLBError
from ladle.llb.values import dataclass

_BIG = 4 << 20


class FaultError(Exception):
    """What the frontend does wrong in a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The build file that is compiled: its name, bytes and directory; `given` says that it has to compile."""

    name: str = "Dockerfile"
    data: bytes = b""
    directory: str = ""
    given: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One case: what it tries, and what came of it."""

    case: str
    passed: bool
    note: str


class Suite:
    """The cases over one program."""

    def __init__(self, target: Target, sample: Sample) -> None:
        self._target = target
        self._sample = sample

    def run(self) -> Iterator[Verdict]:
        """Yield a verdict for each case, in the order in which they build on each other."""
        for name, case in CASES.items():
            try:
                yield Verdict(case=name, passed=True, note=case(self))
            except FaultError as fault:
                yield Verdict(case=name, passed=False, note=str(fault))

    def talk(self, plan: Plan | None = None, **context: Any) -> Heard:
        """Hold a conversation about the sample."""
        sample = self._sample
        data = context.pop("data", sample.data)
        words = {"filename": sample.name, "directory": sample.directory, **context}
        return converse(self._target, TestContext(data, **words), plan or Plan())

    def finished(self, plan: Plan | None = None, **context: Any) -> tuple[str, Any]:
        """Return `done` with the compiled build or `failed` with what it says; raises `FaultError` else."""
        return checked(self.talk(plan, **context))

    def compile(self) -> str:
        """Compile the sample."""
        kind, what = self.finished()
        if kind == "failed" and self._sample.given:
            raise FaultError(f"the build file does not compile: {what}")
        return f"{kind}: {_count(what)}" if kind == "done" else f"failed, as it should with an empty file: {what}"

    def again(self) -> str:
        """Compile it under other hash seeds: the same graph."""
        one, other = (self.finished(Plan(hash_seed=seed)) for seed in ("1", "2"))
        if one[0] != other[0]:
            raise FaultError(f"once {one[0]}, once {other[0]}")
        if one[0] == "done" and (difference := first_difference(graph_of(one[1]), graph_of(other[1]))):
            raise FaultError(f"not the same graph: {difference}")
        return "the same twice"

    def platforms(self) -> str:
        """Compile for two platforms: an image for each."""
        wanted = ("linux/amd64", "linux/arm64")
        kind, what = self.finished(platforms=wanted)
        if kind == "done":
            made = [format_platform(image.platform) for image in what.images]
            if made != list(wanted):
                raise FaultError(f"images for {', '.join(made)}, not for {', '.join(wanted)}")
        return kind

    def unknown_version(self) -> str:
        """Be told a version of the protocol that nobody knows: end without `done`."""
        heard = self.talk(Plan(protocol=999))
        check_quiet(heard)
        if heard.last is not None and "done" in heard.last:
            raise FaultError("it answers a version that it cannot know")
        return "refused" if heard.last is None else "failed, with an error"

    def unknown_keys(self) -> str:
        """Be told keys and options of later ladles: pass over them."""
        options = wire.options_to_wire(TestContext(b"", filename=self._sample.name).options)
        plain = self.finished()
        kind, what = self.finished(Plan(more={"later": {"a": [1]}, "options": {**options, "later": True}}))
        if kind != plain[0]:
            raise FaultError(f"{plain[0]} without them, {kind} with them: {what}")
        return kind

    def unknown_call(self) -> str:
        """Be asked what no frontend answers: fail with an error."""
        heard = self.talk(Plan(call="conformance"))
        check_quiet(heard)
        if heard.last is None or "failed" not in heard.last:
            raise FaultError("it has to fail with an error")
        return failure_of(heard.last["failed"])

    def absent(self) -> str:
        """Find no file and no image: end with a last message."""
        return _said(self.finished(directory="", images={}))

    def refused(self) -> str:
        """Get an error for each question: go on, or fail."""
        heard = self.talk(Plan(refuse=True))
        said = _said(checked(heard))
        return said if heard.questions else f"it asks nothing; {said}"

    def pieces(self) -> str:
        """Get frames in pieces of three bytes."""
        kind, what = self.finished(Plan(pieces=3))
        if kind != self.finished()[0]:
            raise FaultError(f"another end than with whole frames: {_said((kind, what))}")
        return kind

    def big_file(self) -> str:
        """Get a build file of 4 MiB."""
        return _said(self.finished(data=self._sample.data + b"\n" * _BIG))

    def not_text(self) -> str:
        """Get a build file that is not UTF-8: end with a last message."""
        return _said(self.finished(data=b"\xff\xfe\x00\x80" * 8))

    def closed_early(self) -> str:
        """Have the channel closed before the first message: end."""
        return _gone(self.talk(Plan(cut=0)))

    def cancelled(self) -> str:
        """Have the channel closed while it works: end."""
        return _gone(self.talk(Plan(cut=1)))


CASES: dict[str, Callable[[Suite], str]] = {
    "compile": Suite.compile,
    "same again": Suite.again,
    "several platforms": Suite.platforms,
    "unknown version": Suite.unknown_version,
    "unknown keys": Suite.unknown_keys,
    "unknown call": Suite.unknown_call,
    "absent files": Suite.absent,
    "errors as answers": Suite.refused,
    "frames in pieces": Suite.pieces,
    "big build file": Suite.big_file,
    "not UTF-8": Suite.not_text,
    "closed at once": Suite.closed_early,
    "cancelled": Suite.cancelled,
}
"""The cases by the names that the table shows."""


def checked(heard: Heard) -> tuple[str, Any]:
    """Return `done` with the compiled build or `failed` with a text; raises `FaultError` for a broken conversation."""
    check_quiet(heard)
    if heard.last is None:
        raise FaultError(f"it ended (exit code {heard.exit_code}) without a last message" + _logged(heard))
    if "failed" in heard.last:
        return "failed", failure_of(heard.last["failed"])
    try:
        return "done", wire.result_from_wire(heard.last["done"])
    except ChannelError as error:
        raise FaultError(f"`done` is malformed: {error}") from None
    except LLBError as error:
        raise FaultError(f"the graph is not valid: {error.message}") from None


def check_quiet(heard: Heard) -> None:
    """Refuse what breaks the protocol, and a program that stays."""
    if heard.broke:
        raise FaultError(heard.broke + _logged(heard))
    if heard.exit_code is None:
        raise FaultError("it does not end" + _logged(heard))


def _gone(heard: Heard) -> str:
    if heard.exit_code is None:
        raise FaultError("it does not end when ladle has gone")
    return f"ended, exit code {heard.exit_code}"


def failure_of(failed: Any) -> str:
    """Return what a failure says; raises `FaultError` for one that says nothing."""
    if isinstance(failed, dict) and isinstance(failed.get("error"), dict):
        message = failed["error"].get("message")
        if not isinstance(message, str) or not message:
            raise FaultError("`failed` has an error without a message")
        return message
    try:
        found = wire.diagnostics_from_wire(failed)
    except ChannelError as error:
        raise FaultError(f"`failed`: {error}") from None
    wrong = [each for each in found if each.severity is Severity.ERROR]
    if not wrong:
        raise FaultError("it failed without an error among its diagnostics")
    return wrong[0].message


def _said(end: tuple[str, Any]) -> str:
    return f"failed: {end[1]}" if end[0] == "failed" else "done"


def _count(result: Any) -> str:
    ops, images = len(graph_of(result).vertices), len(result.images)
    return f"{ops} op{'s' * (ops != 1)}, {images} image{'s' * (images != 1)}"


def _logged(heard: Heard) -> str:
    return f"; it wrote: {heard.log.splitlines()[-1][:200]}" if heard.log else ""


def sample_of(path: str) -> Sample:
    """Return the sample of a build file."""
    from ladle.core.cli.frontend import errors

    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        raise errors.no_build_file(path) from None
    directory, name = os.path.split(os.path.abspath(path))
    return Sample(name=name, data=data, directory=directory, given=True)
