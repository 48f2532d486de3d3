# SPDX-License-Identifier: Apache-2.0
"""What an exit code is said to mean."""

from __future__ import annotations

import pytest

from ladle.core.build.failed_process import failed_process
from ladle.llb.ops.exec import Meta

META = Meta(args=("sh", "-c", "make"))
BEGIN = 'process "sh -c make" did not complete successfully: exit code: '


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (1, "1"),
        (127, "127"),
        (128, "128"),
        (137, "137: killed (signal 9)"),
        (139, "139: segmentation fault (signal 11)"),
        (143, "143: terminated (signal 15)"),
        (255, "255"),
    ],
)
def test_signals_have_names(code: int, meaning: str) -> None:
    assert failed_process(META, {"exit_code": code}).message == BEGIN + meaning


def test_being_killed_has_an_advice() -> None:
    assert "memory may have run out" in failed_process(META, {"exit_code": 137}).help
    assert failed_process(META, {"exit_code": 1}).help == ""


def test_running_out_of_memory_is_told() -> None:
    error = failed_process(META, {"exit_code": 137, "oom": True}, ["first"])
    assert error.message == BEGIN + "137: cannot allocate memory"
    assert error.notes[0] == "first"
    assert "memory had run out" in error.notes[1]
