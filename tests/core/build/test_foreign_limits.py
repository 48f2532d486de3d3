# SPDX-License-Identifier: Apache-2.0
"""A frontend that came with a build has so many questions, so much time and such long answers, and no more."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from ladle.core.api.channel import ChannelError
from ladle.core.api.errors import BuildError
from ladle.core.build import subsolve
from ladle.core.build.foreign import answers, serve


def test_questions_have_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "MAX_QUESTIONS", 3)
    sent: list[Any] = []
    channel: Any = SimpleNamespace(receive=lambda: {"id": 1, "ask": "read"}, send=sent.append)
    replying: Any = SimpleNamespace(reply=lambda question, args: {"answer": None})
    with pytest.raises(ChannelError, match="more than 3 questions"):
        serve._serve(channel, replying)
    assert len(sent) == 3


def test_what_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "ENDING_SECONDS", 0.01)
    running: Future[Any] = Future()
    said = serve._ended(running, "./it.py")
    assert isinstance(said, BuildError)
    assert "./it.py" in said.message
    assert running.cancelled()


def test_names_have_a_number() -> None:
    many = tuple(str(number) for number in range(answers.MAX_NAMES + 1))
    given: Any = answers.Answers.__new__(answers.Answers)
    given.context = SimpleNamespace(list=lambda path: many)
    found = given.answer_list(".")
    assert found is not None
    assert len(found) == answers.MAX_NAMES


def test_names_of_a_tree_have_a_number() -> None:
    asked: list[Any] = []
    worker = SimpleNamespace(run=lambda job, args: {"names": asked.append(args)})  # type: ignore[func-returns-value]
    solver: Any = subsolve.Subsolver.__new__(subsolve.Subsolver)
    solver._engine = SimpleNamespace(call=lambda answer: answer)
    solver._environment = SimpleNamespace(services=SimpleNamespace(worker=worker))
    assert solver.names({}, "/") is None
    assert asked[0]["limit"] == subsolve.MAX_NAMES
