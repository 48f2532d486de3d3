# SPDX-License-Identifier: Apache-2.0
"""`--call=check` and `check --fix`: the checks without a build."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Severity, SourceText
from ladle.core.api.errors import InternalError
from ladle.core.api.frontend import CallResult, Fixed
from ladle.core.api.snippets import position, render
from ladle.frontends.dockerfile.labs.reading import placed, placing, read_text
from ladle.frontends.dockerfile.lines import decode
from ladle.frontends.dockerfile.lower import survey
from ladle.frontends.dockerfile.places import location, source
from ladle.frontends.dockerfile.rules.base import Edit
from ladle.frontends.dockerfile.rules.config import Config, config_of
from ladle.frontends.dockerfile.rules.look import plain_view, view_of
from ladle.frontends.dockerfile.rules.run import Found, diagnostic, in_order, run_rules

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context
    from ladle.frontends.dockerfile.ast import Dockerfile

_MOST_ROUNDS = 5
"""Of mending: each brings up less than the one before."""


def lint(context: Context, *, labs: bool = False) -> CallResult:
    """Return what the checks find; a file that does not compile is told with the rest (CK-26)."""
    name, data = context.build_file()
    text = decode(name, data)
    config = Config()
    try:
        file = read_text(text, context, labs=labs)
        config = config_of(file, context.options.build_args)
        with placing(file):
            found, wrong = look(file, context, config)
        wrong = [placed(each, file.asked) for each in wrong]
    except DiagnosticError as error:
        found, wrong = [], list(error.diagnostics)
    status = 1 if wrong or any(one.rule.severity is Severity.WARNING for one in found) else 0
    return CallResult(data=_shape(text, found, wrong), text=_text(found, wrong), status=status)


def look(file: Dockerfile, context: Context, config: Config) -> tuple[list[Found], list[Diagnostic]]:
    """Return what the checks find for all platforms, each once, and what keeps the file from compiling."""
    found: list[Found] = []
    wrong: dict[Diagnostic, None] = {}
    for platform in context.options.platforms:
        view = plain_view(file)
        try:
            build, graph = survey(file, context, platform)
            wrong |= dict.fromkeys(build.errors)
            view = view_of(file, context, build, graph)
        except DiagnosticError as error:
            wrong |= dict.fromkeys(error.diagnostics)
        found += run_rules(view, config)
    return in_order(found), list(wrong)


def fix(context: Context, *, labs: bool = False) -> Fixed:
    """Return the file with the edits of all findings made, again and again while that brings up more to mend."""
    name, data = context.build_file()
    text = decode(name, data)
    mended: list[str] = []
    for _ in range(_MOST_ROUNDS):
        text, done = _mended_once(text, context, labs=labs)
        mended += done
        if not done:
            break
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    after = mark + text.text.encode("utf-8", "surrogateescape")
    return Fixed(name=name, before=data, after=after, mended=tuple(mended))


def _mended_once(text: SourceText, context: Context, *, labs: bool) -> tuple[SourceText, list[str]]:
    """Return the file with all edits made that do not overlap, checked to parse, and what they mend."""
    file = read_text(text, context, labs=labs)
    found, _ = look(file, context, config_of(file, context.options.build_args))
    edits, used = _apart((one, edit) for one in found for edit in one.finding.edits if edit.span.source is text)
    after = SourceText(text.name, _edited(text, edits))
    try:
        read_text(after, context, labs=labs)
    except DiagnosticError as error:
        raise InternalError(f"a mended file does not parse: {error.message}") from error
    return after, [one.text for one in found if id(one) in used]


def _apart(wanted: Iterable[tuple[Found, Edit]]) -> tuple[list[Edit], set[int]]:
    """Return edits that do not overlap, in the order of the file, and which findings they are of."""
    edits: list[Edit] = []
    used: set[int] = set()
    for one, edit in sorted(wanted, key=lambda each: (each[1].span.start, each[1].span.end)):
        if not edits or edit.span.start >= edits[-1].span.end:
            edits.append(edit)
            used.add(id(one))
    return edits, used


def _edited(text: SourceText, edits: list[Edit]) -> str:
    out: list[str] = []
    done = 0
    for edit in edits:
        out += [text.text[done : edit.span.start], edit.text]
        done = edit.span.end
    return "".join([*out, text.text[done:]])


def _shape(text: SourceText, found: list[Found], wrong: list[Diagnostic]) -> dict[str, Any]:
    """Return BuildKit's form of the result."""
    data: dict[str, Any] = {"warnings": [_warning(one) for one in found], "sources": [source(text)]}
    if wrong:
        data["buildError"] = {"message": wrong[0].message}
        if wrong[0].labels:
            line, _ = position(wrong[0].labels[0].span)
            data["buildError"]["location"] = location(line, line)
    return data


def _warning(one: Found) -> dict[str, Any]:
    shape = {"ruleName": one.rule.name, "description": one.rule.description}
    if one.rule.url:
        shape["url"] = one.rule.url
    return {**shape, "detail": one.finding.message, "location": location(*one.finding.lines)}


def _text(found: list[Found], wrong: list[Diagnostic]) -> str:
    parts = [render(each) for each in [*(diagnostic(one) for one in found), *wrong]]
    warnings = sum(one.rule.severity is Severity.WARNING for one in found)
    if wrong:
        count = "1 mistake has" if len(wrong) == 1 else f"{len(wrong)} mistakes have"
        end = f"Check complete, {count} been found!"
    elif warnings:
        count = "1 warning has" if warnings == 1 else f"{warnings} warnings have"
        end = f"Check complete, {count} been found!"
    else:
        end = "Check complete, no warnings found."
    return "\n\n".join([*parts, end]) + "\n"
