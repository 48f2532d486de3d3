# SPDX-License-Identifier: Apache-2.0
"""Each mistake inside a value: its own code, the place of the word, BuildKit's message, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile import reasons
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.frontends.dockerfile.words import MAX_DEPTH, MAX_EXPANDED, MAX_MATCHED

DEEP = "${v:-" * (MAX_DEPTH + 2)
LONG = "x" * 1024

# Rows, code, line, the word that is underlined, the beginning of the message.
MISTAKES = [
    ("DF-21", "DF0110", "USER ${v:-x", "${v:-x", """failed to process "${v:-x": syntax error: missing '}'"""),
    ("DF-21", "DF0110", "USER ${v/x}", "${v/x}", """failed to process "${v/x}": syntax error: missing '/' in ${}"""),
    ("DF-21", "DF0111", "USER a${}", "a${}", 'failed to process "a${}": syntax error: bad substitution'),
    ("DF-21", "DF0112", "ENV a=${v^}", "${v^}", 'failed to process "${v^}": unsupported modifier (^) in substitution'),
    ("DF-21", "DF0112", "USER ${v:#p}", "${v:#p}", 'failed to process "${v:#p}": unsupported modifier (:#)'),
    ("DF-17", "DF0113", "USER ${u:?say so}", "${u:?say so}", 'failed to process "${u:?say so}": u: say so'),
    ("DF-17", "DF0113", "USER ${u?}", "${u?}", 'failed to process "${u?}": u: is not allowed to be unset'),
    ("DF-17", "DF0113", "USER ${e:?}", "${e:?}", 'failed to process "${e:?}": e: is not allowed to be empty'),
    ("DF-22", "DF0114", "USER 'a", "'a", 'failed to process "\'a": unexpected end of statement while looking for'),
    ("DF-22", "DF0114", 'WORKDIR "a', '"a', 'failed to process "\\"a": unexpected end of statement'),
    ("DF-21", "DF0115", f"USER {DEEP}", DEEP, f'failed to process "{DEEP}": substitutions are nested too deeply'),
    ("DF-14", "DF0116", "USER " + "$l" * 1025, "$l" * 1025, 'failed to process "$l$l'),
    ("DF-18", "DF0117", "USER ${v#\\x}", "${v#\\x}", "failed to process \"${v#\\\\x}\": invalid pattern (\\x) in"),
    ("DF-19", "DF0118", "USER ${h%x}", "${h%x}", 'failed to process "${h%x}": a value of'),
    ("DF-43", "DF0120", "RUN --mount= x", "", "failed to parse csv mounts: EOF"),
    ("DF-26", "DF0136", "RUN --device=a/b=c,d/e=f x", "a/b=c,d/e=f", "device name already set to a/b=c"),
    ("DF-26", "DF0137", "RUN --device=required x", "required", "device name is required"),
    ("DF-33", "DF0140", "HEALTHCHECK --retries=x CMD y", "x", '--retries is not a number: "x"'),
    ("DF-33", "DF0141", "HEALTHCHECK --retries=-1 CMD y", "-1", "--retries cannot be negative (-1)"),
    ("DF-33", "DF0142", "HEALTHCHECK --timeout=3 CMD y", "3", "time: missing unit in duration"),
    ("DF-33", "DF0143", "HEALTHCHECK --interval=1us CMD y", "1us", 'Interval "interval" cannot be less than 1ms'),
    ("DF-32", "DF0145", "EXPOSE /tcp", "/tcp", "no port specified: /tcp<empty>"),
    ("DF-32", "DF0146", "EXPOSE 80/http", "80/http", "invalid proto: http"),
    ("DF-32", "DF0147", "EXPOSE 1-3:1-2", "1-3:1-2", "invalid ranges specified for container and host"),
    ("DF-32", "DF0148", "EXPOSE x:1:1", "x:1:1", "invalid IP address: x"),
    ("DF-32", "DF0149", "EXPOSE 70000", "70000", "invalid containerPort: 70000"),
]  # fmt: skip

# Rows, code, the value of --mount, the beginning of the message.
MOUNTS = [
    ("DF-43", "DF0121", "target", "invalid field 'target' must be a key=value pair"),
    ("DF-43", "DF0122", "tagret=/x", "unexpected key 'tagret' in 'tagret=/x' (did you mean target?)"),
    ("DF-43", "DF0123", "type=cach", 'unsupported mount type "cach" (did you mean cache?)'),
    ("DF-44", "DF0124", "type=cache,sharing=lock,target=/x", "unsupported sharing value"),
    ("DF-43", "DF0125", "ro=maybe,target=/x", "invalid value for ro: maybe"),
    ("DF-44", "DF0126", "type=cache,mode=rwx,target=/x", "invalid value rwx for mode"),
    ("DF-45", "DF0127", "type=tmpfs,size=big,target=/x", "invalid value for size: big"),
    ("DF-48", "DF0128", "required,target=/x", "unexpected key 'required' for mount type 'bind'"),
    ("DF-48", "DF0129", "mode=0700,target=/x", 'mode not allowed for "bind" type mounts'),
    ("DF-46", "DF0130", "type=secret,id=a,from=b", "secret mount should not have a from"),
    ("DF-46", "DF0131", "type=secret,id=a,sharing=locked", "secret mount should not"),
    ("DF-46", "DF0132", "type=secret", "invalid secret mount."),
    ("DF-46", "DF0133", "type=secret,id=a,source=b", "both source and id can't be set"),
    ("DF-48", "DF0134", "sharing=locked,target=/x", "invalid cache sharing set for bind"),
    ("DF-47", "DF0135", "type=ssh,source=/x", "ssh does not support source"),
]  # fmt: skip
MISTAKES += [(row, code, f"RUN --mount={value} x", value, message) for row, code, value, message in MOUNTS]


@pytest.mark.parametrize(
    ("code", "line", "here", "message"),
    [pytest.param(*case, marks=pytest.mark.row(row), id=f"{case[0]}-{case[1][:40]}") for row, *case in MISTAKES],
)
def test_a_mistake(make_context: Callable[..., Any], code: str, line: str, here: str, message: str) -> None:
    huge = "y" * (MAX_MATCHED + 1)
    text = f"FROM scratch\nENV e= l={LONG}\nARG h\n{line}\n"
    with pytest.raises(DiagnosticError) as caught:
        DockerfileFrontend().compile(make_context(text, options={"build_args": {"h": huge}}))
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert found.message.startswith(message)
    assert found.help
    span = found.labels[0].span
    assert text[span.start : span.end] == here
    assert text.count("\n", 0, span.start) == 3


def test_there_is_a_case_for_each_code() -> None:
    known = re.findall(r'"(DF\d{4})"', Path(reasons.__file__).read_text())
    assert len(known) == len(set(known)), "a code is one mistake"
    assert set(known) == {code for _, code, *_ in MISTAKES}
    assert len(LONG) * 1025 > MAX_EXPANDED
