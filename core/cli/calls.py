# SPDX-License-Identifier: Apache-2.0
"""`--call`, `--check` and `ladle check`: a frontend is asked about a build file, nothing is built."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ladle.core.api.errors import BuildError, UsageError

if TYPE_CHECKING:
    from ladle.core.api.frontend import CallResult, Fixed
    from ladle.core.build.request import BuildRequest

METHODS = {"check": "lint"} | {name: name for name in ("lint", "outline", "targets", "describe", "schema")}
"""The calls by the names that buildx gives them, and what the frontend calls them."""
FORMATS = ("text", "json")


class Call(NamedTuple):
    """A call as it was asked for."""

    method: str
    form: str = "text"
    ignore_status: bool = False
    fix: bool = False
    """Mend the build file before it is checked."""


def parse_call(text: str) -> Call:
    """Return a call of `METHOD[,format=FORMAT][,ignorestatus[=BOOL]][,fix]`; raises `UsageError`."""
    name, *options = text.split(",")
    name = name.removeprefix("frontend.").removeprefix("subrequests.")
    if name not in METHODS:
        raise UsageError(f"unknown call {name!r}", code="LA0156", help=f"one of {', '.join(METHODS)}")
    call = Call(METHODS[name])
    for option in options:
        key, _, value = option.partition("=")
        if key == "format" and value in FORMATS:
            call = call._replace(form=value)
        elif key == "ignorestatus" and value in ("", "true", "false"):
            call = call._replace(ignore_status=value != "false")
        elif option == "fix" and call.method == "lint":
            call = call._replace(fix=True)
        else:
            raise UsageError(
                f"bad option {option!r} of --call",
                code="LA0157",
                help="format=text, format=json, ignorestatus; fix for check",
            )
    return call


def run_call(values: Mapping[str, Any], positional: list[str]) -> int:
    """Ask what `--call` or `--check` says, print the answer and return its status."""
    from ladle.core.build.request import make_request
    from ladle.core.cli.setup import source_schemes

    if values["llb"]:
        raise UsageError("a graph cannot be asked", code="LA0158", help="leave out --llb, or --call")
    call = parse_call(values["call"] or "check")
    request = make_request(values, positional, environ=os.environ, schemes=source_schemes)
    if call.fix:
        _fix(request)
    answer: CallResult = _ask(request, call.method)
    _print(answer, call.form)
    return 0 if call.ignore_status else answer.status


def run_check(values: Mapping[str, Any], path: str, *, fix: bool, form: str) -> int:
    """Check a build file; with `fix` mend it before, and show how. Returns 1 where something is left to say."""
    from ladle.core.build.request import make_request
    from ladle.core.cli.options import defaults
    from ladle.core.cli.setup import source_schemes

    if form not in FORMATS:
        raise UsageError(f"unknown format {form!r}", code="LA0157", help=f"one of {', '.join(FORMATS)}")
    request = make_request({**defaults(), **values}, [path], environ=os.environ, schemes=source_schemes)
    if fix:
        _fix(request)
    answer: CallResult = _ask(request, "lint")
    _print(answer, form)
    return answer.status


def _ask(request: BuildRequest, call: str) -> Any:
    from ladle.core.build.build import Build
    from ladle.core.cli.setup import make_registry
    from ladle.core.progress.modes import Quiet
    from ladle.core.progress.reporter import BuildReporter
    from ladle.core.store.store import Store

    store = Store.open(request.root or None)
    try:
        return Build(request, registry=make_registry(), store=store, reporter=BuildReporter(Quiet())).ask(call)
    finally:
        store.close()


def _print(answer: CallResult, form: str) -> None:
    if form == "json":
        import json

        print(json.dumps(answer.data, indent=2, ensure_ascii=False))
    else:
        sys.stdout.write(answer.text)


def _fix(request: BuildRequest) -> None:
    """Mend the build file in place; the change goes to stderr as a diff."""
    from ladle.core.build.remote import is_remote

    if request.build_file == "-" or is_remote(request.context):
        raise UsageError("only a build file in a directory can be mended", code="LA0159", help="save it first")
    fixed: Fixed = _ask(request, "fix")
    if fixed.after == fixed.before:
        return
    _replace(os.path.realpath(request.build_file), fixed.after)
    sys.stderr.write(_diff(fixed))


def _diff(fixed: Fixed) -> str:
    import difflib

    before, after = (data.decode("utf-8", "replace").splitlines(keepends=True) for data in (fixed.before, fixed.after))
    lines = difflib.unified_diff(before, after, f"a/{fixed.name}", f"b/{fixed.name}")
    text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return text + "".join(f"mended {line}\n" for line in fixed.mended)


def _replace(path: str, data: bytes) -> None:
    """Write a file anew with the mode that it has, whole or not at all."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        mode = os.stat(path).st_mode & 0o7777
        with open(temporary, "xb") as file:
            file.write(data)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError as error:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise BuildError(f"cannot write {path!r}: {error.strerror}", code="LA0152") from error
