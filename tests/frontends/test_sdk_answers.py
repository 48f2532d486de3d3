# SPDX-License-Identifier: Apache-2.0
"""Functions that answer calls beside a compile."""

from __future__ import annotations

from typing import Any

import pytest

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.errors import BuildError
from ladle.core.api.frontend import CallResult
from ladle.frontends.sdk import CALLS, FunctionFrontend, lines
from ladle.frontends.testing import FakeContext

RESULT = CallResult(data=1, text="one", status=3)


@pytest.fixture
def asked() -> FunctionFrontend:
    """Return a frontend that nobody has given answers yet."""
    return FunctionFrontend(lambda context: None, name="x", version="1", files=())


@pytest.mark.parametrize(
    ("made", "data", "text"),
    [("a\nb\n", ["a", "b"], "a\nb\n"), ({"a": 1}, {"a": 1}, '{\n  "a": 1\n}\n'), (RESULT, 1, "one")],
)
def test_texts_data_and_results(asked: FunctionFrontend, made: Any, data: Any, text: str) -> None:
    asked.answers("outline")(lambda context: made)
    answer = asked.outline(FakeContext())
    assert (answer.data, answer.text) == (data, text)
    assert answer.status == (3 if made is RESULT else 0)


def test_lines_are_there_with_their_mistakes(asked: FunctionFrontend) -> None:
    @asked.answers("lint")
    def lint(context: FakeContext) -> str:
        for line in lines(context):
            line.wrong(f"{line.text} is odd", code="XX01")
        return ""

    with pytest.raises(DiagnosticError) as caught:
        asked.lint(FakeContext("a\n# b\nc"))
    assert [each.message for each in caught.value.diagnostics] == ["a is odd", "c is odd"]


def test_what_nobody_answers_is_no_attribute(asked: FunctionFrontend) -> None:
    assert [call for call in CALLS if hasattr(asked, call)] == []
    with pytest.raises(BuildError, match="'compile' is no call"):
        asked.answers("compile")
