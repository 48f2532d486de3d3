# SPDX-License-Identifier: Apache-2.0
"""The kernel's count of processes killed because memory ran out."""

from __future__ import annotations

from pathlib import Path

from ladle.core.worker.exec_memory import kills


def test_the_count_is_read_and_absent_is_none(tmp_path: Path) -> None:
    table = tmp_path / "vmstat"
    table.write_text("nr_free_pages 12\noom_kill 7\noom_kill_x 9\n")
    assert kills(str(table)) == 7
    table.write_text("nr_free_pages 12\n")
    assert kills(str(table)) == 0
    assert kills(str(tmp_path / "none")) == 0


def test_this_kernel_tells_it() -> None:
    assert "oom_kill " in Path("/proc/vmstat").read_text()
    assert kills() >= 0
