# SPDX-License-Identifier: Apache-2.0
"""The native executor's own decisions; what it makes of a step is tested with the steps."""

from __future__ import annotations

import os

import pytest

from ladle.plugins.executors.native import NativeExecutor


@pytest.mark.parametrize("rootless", [False, True])
def test_it_works_wherever_there_is_a_filter(rootless: bool) -> None:
    assert NativeExecutor("native", rootless=rootless, device_guard=False).probe() is None


def test_on_an_unknown_machine_it_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*real[:4], "vax")))
    reason = NativeExecutor("native", rootless=False, device_guard=True).probe()
    assert reason == "the native executor has no system call filter for vax"
