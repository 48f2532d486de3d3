# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a build file that is a Python program: one constructor a mistake."""

from __future__ import annotations

from collections.abc import Sequence

from ladle.core.api.diagnostics import Diagnostic, Label, Severity, Span


def syntax(message: str, span: Span) -> Diagnostic:
    """The file is no Python."""
    return _error("PF0001", f"this is not valid Python: {message}", [Label(span)], help="mend the syntax")


def raised(kind: str, message: str, labels: Sequence[Label], notes: Sequence[str]) -> Diagnostic:
    """The user's program raised, or what it called did."""
    text = f"{kind}: {message}" if message else kind
    advice = "mend the build file where it points"
    if kind == "ModuleNotFoundError" and "'ladle.core" in message:
        advice = 'the engine is for programs: import it under `if __name__ == "__main__":` and run `python -P ladle.py`'
    return _error("PF0002", text, labels, notes=notes, help=advice)


def bad_graph(message: str, labels: Sequence[Label]) -> Diagnostic:
    """A step was described that cannot be."""
    return _error("PF0003", message, labels, help="docs/llb.md has what steps take")


def no_target(span: Span) -> Diagnostic:
    """The file has nothing to build."""
    return _error("PF0004", "there is no target in this file", [Label(span)], help="put @target over a function")


def unknown_target(name: str, known: Sequence[str], near: str, span: Span) -> Diagnostic:
    """`--target` names none."""
    hint = f"did you mean {near!r}? " if near else ""
    return _error("PF0005", f"there is no target {name!r}", [Label(span)], help=f"{hint}there are: {', '.join(known)}")


def several_defaults(names: Sequence[str], spans: Sequence[Span]) -> Diagnostic:
    """More than one target is marked as the default."""
    labels = [Label(span, "a default") for span in spans]
    return _error("PF0006", f"several targets are the default: {', '.join(names)}", labels, help="leave one of them")


def twice(name: str, spans: Sequence[Span]) -> Diagnostic:
    """Two targets have one name."""
    labels = [Label(span, "has this name") for span in spans]
    return _error("PF0007", f"two targets are called {name!r}", labels, help="rename one: @target(name=…)")


def unknown_argument(name: str, known: Sequence[str], near: str, span: Span) -> Diagnostic:
    """A build argument that no target takes."""
    hint = f"did you mean {near!r}? " if near else ""
    there = f"there are: {', '.join(known)}" if known else "no target of this file takes any"
    return _error(
        "PF0008", f"no target takes the build argument {name!r}", [Label(span, "this is built")], help=hint + there
    )


def bad_argument(name: str, value: str, wanted: str, near: str, span: Span) -> Diagnostic:
    """A build argument's value is not of its type."""
    hint = f"; did you mean {near!r}?" if near else ""
    return _error(
        "PF0009",
        f"the build argument {name!r} is {value!r}, which is not {wanted}",
        [Label(span, "taken here")],
        help=f"give --build-arg {name}=VALUE, {wanted}{hint}",
    )


def missing_argument(name: str, wanted: str, span: Span) -> Diagnostic:
    """A build argument without a default was not given."""
    return _error(
        "PF0010",
        f"the target needs the build argument {name!r}",
        [Label(span, f"{wanted}, without a default")],
        help=f"give --build-arg {name}=…, or write a default",
    )


def bad_annotation(name: str, shown: str, span: Span) -> Diagnostic:
    """A parameter of a target has a type that no text can become."""
    return _error(
        "PF0011",
        f"the parameter {name!r} has the type {shown}, which a build argument cannot have",
        [Label(span)],
        help="str, int, bool, float, Literal, an Enum, list[str], one of them with None; Platform for `platform`",
    )


def bad_parameter(name: str, span: Span) -> Diagnostic:
    """A parameter that cannot be given by name."""
    return _error(
        "PF0012",
        f"the parameter {name!r} of a target cannot be a build argument",
        [Label(span)],
        help="write it as NAME: TYPE = DEFAULT, without `*`, `**` and `/`",
    )


def bad_result(shown: str, span: Span) -> Diagnostic:
    """A target returned what is no tree."""
    return _error(
        "PF0013", f"the target returned {shown}", [Label(span)], help="return a State, a run's result or an Image"
    )


def circle(names: Sequence[str], labels: Sequence[Label]) -> Diagnostic:
    """Targets call each other."""
    return _error("PF0014", f"targets call each other: {' -> '.join(names)}", labels, help="let one of them not call")


def bad_epoch(value: str, span: Span) -> Diagnostic:
    """SOURCE_DATE_EPOCH is no time."""
    return _error(
        "PF0015", f"SOURCE_DATE_EPOCH is {value!r}", [Label(span)], help="give seconds since 1970, digits alone"
    )


def outside(what: str, instead: str) -> Diagnostic:
    """Something that only a build can answer was asked outside of one."""
    return _error(
        "PF0016",
        f"{what}() asks the build, and no build is going on",
        [],
        help=f"call it in a target, within `with ladle.core.engine.Engine():`, or use {instead}",
    )


def no_export() -> Diagnostic:
    """A build file says where its result goes."""
    return _error(
        "PF0020",
        "a build file cannot export",
        [],
        help="return the state from a target and build with -o, or export in a script",
    )


def bad_step(what: str, wanted: str) -> Diagnostic:
    """A step is asked for something that it cannot do."""
    return _error("PF0021", f"a step is not right: {what}", [], help=wanted)


def bad_config(name: str, message: str) -> Diagnostic:
    """The config of a base image is damaged."""
    return _error("PF0017", f"the image {name} has a config that is not valid: {message}", [], help="use another one")


def warning(message: str, span: Span, help: str) -> Diagnostic:
    """What the program warns of."""
    return Diagnostic(code="PF1000", severity=Severity.WARNING, message=message, labels=(Label(span),), help=help)


def _error(code: str, message: str, labels: Sequence[Label], *, notes: Sequence[str] = (), help: str) -> Diagnostic:
    return Diagnostic(
        code=code, severity=Severity.ERROR, message=message, labels=tuple(labels), notes=tuple(notes), help=help
    )
