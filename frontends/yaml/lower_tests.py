# SPDX-License-Identifier: Apache-2.0
"""Tests of a stage: steps on its tree whose changes are thrown away, but without whose success there is no result."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.lower_run import NETWORKS, command, shown
from ladle.frontends.yaml.modes import octal
from ladle.frontends.yaml.nodes import Mapping, Node, items, lines
from ladle.frontends.yaml.work import Work, placed

if TYPE_CHECKING:
    from ladle.core.api.diagnostics import Span

_STREAMS = {"stdout": "", "stderr": " 2>&1 >/dev/null", "output": " 2>&1"}
_ASKS = ("equals", "contains", "matches")
_BEGIN = """\
bad=0
wrong() { printf '%s\\n' "$place: $1" >&2; bad=1; }
"""


def lower_tests(work: Work) -> None:
    """Put the tests of a stage beside its result."""
    for node in items(work.stage.node.get("tests")):
        if not isinstance(node, Mapping) or not work.stage.scope.holds(node):
            continue
        if work.state.is_scratch:
            raise DiagnosticError([errors.nothing_to_test(node.span)])
        if node.entry("run") is not None:
            _run(work, node)
        else:
            _file(work, node)


def _run(work: Work, node: Mapping) -> None:
    """Run a command and look at its exit code and what it says."""
    scope = work.stage.scope
    asked = node.get("run")
    args = command(work, asked) if asked is not None else []
    code = scope.number(node, "exit", 0, 0, 255)
    streams = [name for name in _STREAMS if node.get(name) is not None]
    if len(streams) > 1:
        raise DiagnosticError([errors.two_outputs(node.span)])
    text = scope.optional(node, "name") or f"run: {shown(args)}"
    if streams:
        said = node.get(streams[0])
        checks = _looks(work, said, "said", f"its {streams[0]}") if said is not None else []
        script = [
            _start(node.span),
            f"said=$({shlex.join(args)}{_STREAMS[streams[0]]}) && code=0 || code=$?",
            "printf '%s\\n' \"$said\"",
            f'[ "$code" = {code} ] || wrong "it exited with $code instead of {code}"',
            *checks,
            "exit $bad",
        ]
        args, code = ["/bin/sh", "-c", "\n".join(script)], 0
    user = node.get("user")
    _add(work, node, text, args, code, user=scope.text(user) if user is not None else None)


def _file(work: Work, node: Mapping) -> None:
    """Look at a path."""
    scope = work.stage.scope
    path = scope.optional(node, "file")
    quoted = shlex.quote(path)
    checks: list[str] = []
    there = f"[ -e {quoted} ] || [ -L {quoted} ]"
    if not scope.flag(node, "exists", True):
        extra = [entry for entry in node if entry.key.text not in ("file", "exists", "name", "if")]
        if extra:
            raise DiagnosticError([errors.words_with_output(extra[0].key.span)])
        checks.append(f"if {there}; then wrong {shlex.quote(f'{path} is there')}; fi")
    else:
        checks += [f"if ! {{ {there}; }}; then wrong {shlex.quote(f'{path} is not there')}; exit 1; fi"]
        checks += [*_kind(work, node, path), *_numbers(work, node, path), *_content(work, node, path)]
    script = "\n".join([_start(node.span), *checks, "exit $bad"])
    _add(work, node, scope.optional(node, "name") or f"file: {path}", ["/bin/sh", "-c", script], 0, user="0", cwd="/")


def _start(span: Span) -> str:
    return f"place={shlex.quote(f'{span.source.name}:{lines(span)[0]}')}\n{_BEGIN}"


def _kind(work: Work, node: Mapping, path: str) -> list[str]:
    quoted = shlex.quote(path)
    wanted = work.stage.scope.optional(node, "type")
    tests = {
        "file": f"[ -f {quoted} ] && [ ! -L {quoted} ]",
        "directory": f"[ -d {quoted} ] && [ ! -L {quoted} ]",
        "symlink": f"[ -L {quoted} ]",
    }
    if not wanted:
        return []
    if wanted not in tests:
        raise DiagnosticError([errors.not_one_of(wanted, "", tuple(tests), node.span)])
    return [f"{{ {tests[wanted]}; }} || wrong {shlex.quote(f'{path} is no {wanted}')}"]


def _numbers(work: Work, node: Mapping, path: str) -> list[str]:
    """Return the checks of mode, owner and link."""
    scope, quoted = work.stage.scope, shlex.quote(path)
    found = []
    if (place := node.get("mode")) is not None:
        wanted = f"{octal(scope.text(place), place):o}"
        found.append(_same(f"stat -c %a {quoted}", wanted, f"{path} has the mode"))
    if owner := scope.optional(node, "owner"):
        parts = owner.split(":")
        form = ":".join(
            ("%u" if part.isdigit() else "%U", "%g" if part.isdigit() else "%G")[index]
            for index, part in enumerate(parts[:2])
        )
        found.append(_same(f"stat -c {form} {quoted}", owner, f"{path} has the owner"))
    if link := scope.optional(node, "link"):
        found.append(_same(f"readlink {quoted}", link, f"{path} leads to"))
    return found


def _same(ask: str, wanted: str, what: str) -> str:
    said = f'{shlex.quote(what + " ")}"$found"{shlex.quote(f" instead of {wanted}")}'
    return f'found=$({ask}); [ "$found" = {shlex.quote(wanted)} ] || wrong {said}'


def _content(work: Work, node: Mapping, path: str) -> list[str]:
    wanted = node.get("content")
    if wanted is None:
        return []
    return [f"said=$(cat {shlex.quote(path)}) || bad=1", *_looks(work, wanted, "said", path)]


def _looks(work: Work, node: Node, variable: str, what: str) -> list[str]:
    """Return the checks of a text in a shell variable."""
    scope = work.stage.scope
    if not isinstance(node, Mapping):
        asked = {"contains": scope.text(node)}
    else:
        asked = {name: scope.text(value) for name in _ASKS if (value := node.get(name)) is not None}
    found = []
    for name, text in asked.items():
        quoted = shlex.quote(text if name == "contains" else text.rstrip("\n"))
        test = {
            "equals": f'[ "${variable}" = {quoted} ]',
            "contains": f'case "${variable}" in *{quoted}*) ;; *) false ;; esac',
            "matches": f"printf '%s\\n' \"${variable}\" | grep -Eq -e {quoted}",
        }[name]
        verb = {"equals": "is not", "contains": "does not contain", "matches": "has no line that matches"}[name]
        first, _, more = text.partition("\n")
        found.append(f"{test} || wrong {shlex.quote(f'{what} {verb} {first[:200]}' + (' …' if more else ''))}")
    return found


def _add(
    work: Work, node: Mapping, text: str, args: list[str], code: int, *, user: str | None = None, cwd: str = ""
) -> None:
    scope = work.stage.scope
    with placed(node.span):
        tested = work.state.run(
            args,
            env=scope.pairs(node.get("env")) or None,
            cwd=cwd or scope.optional(node, "workdir"),
            user=user,
            network=NETWORKS[scope.chosen(node, "network", tuple(NETWORKS), "none")],
            valid_exit_codes=(code,) if code else (),
            **work.options(f"test {text}", node.span, platform=True),
        )
    work.checks.append(tested.root)
    if work.context is not None:
        work.context.use("/")
