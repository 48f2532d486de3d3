# SPDX-License-Identifier: Apache-2.0
"""The table of `decide`, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from ladle.core.api.records import Record
from ladle.core.solver.decide import Ask, By, Decision, Digest, Hit, Known, Need, Run, decide

RECORD = Record(1, {})


def known(
    *answers: By,
    inputs: int = 2,
    ready: int = 0,
    content: tuple[int, ...] = (),
    read: tuple[int, ...] = (),
    **fields: Any,
) -> Known:
    """Return what is known after look-ups that missed, with the first `ready` records and the `read` contents."""
    made = Known(
        inputs=inputs,
        by_content=content,
        ignore_cache=fields.get("ignore_cache", False),
        tainted=fields.get("tainted", False),
    )
    made.answers.update({by: {} for by in answers})
    made.records[:ready] = [RECORD] * ready
    made.contents.update(dict.fromkeys(read, "digest"))
    return made


D, I, C = By.DEFINITION, By.INPUT, By.CONTENT  # noqa: E741

ROWS = [
    (known(), "ask definition"),
    (known(D), "need 0 1"),
    (known(D, ready=1), "need 1"),
    (known(D, ready=2), "ask input"),
    (known(D, I, ready=2), "run"),
    (known(D, I, ready=2, content=(1,)), "digest 1"),
    (known(D, I, ready=2, content=(0, 1), read=(1,)), "digest 0"),
    (known(D, I, ready=2, content=(1,), read=(1,)), "ask content"),
    (known(D, I, C, ready=2, content=(1,), read=(1,)), "run"),
    (known(inputs=0), "ask definition"),
    (known(D, inputs=0), "run"),
    (known(tainted=True), "need 0 1"),
    (known(tainted=True, ready=2), "ask input"),
    (known(I, tainted=True, ready=2, content=(1,)), "digest 1"),
    (known(ignore_cache=True), "need 0 1"),
    (known(ignore_cache=True, ready=2), "run"),
    (known(ignore_cache=True, ready=2, content=(1,)), "digest 1"),
    (known(ignore_cache=True, ready=2, content=(1,), read=(1,)), "run"),
    (known(ignore_cache=True, inputs=0), "run"),
]


def shown(decision: Decision) -> str:
    match decision:
        case Hit():
            return f"hit {decision.by.value}"
        case Ask():
            return f"ask {decision.by.value}"
        case Need() | Digest():
            return " ".join([type(decision).__name__.lower(), *map(str, decision.inputs)])
        case Run():
            return "run"


@pytest.mark.parametrize(("state", "expected"), ROWS, ids=[f"{number}-{row[1]}" for number, row in enumerate(ROWS)])
def test_row(state: Known, expected: str) -> None:
    assert shown(decide(state)) == expected


@pytest.mark.parametrize("by", list(By))
def test_any_answer_is_a_hit(by: By) -> None:
    state = known()
    state.answers[by] = {0: RECORD}
    decision = decide(state)
    assert isinstance(decision, Hit)
    assert (decision.by, decision.records) == (by, {0: RECORD})
