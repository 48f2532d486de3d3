# SPDX-License-Identifier: Apache-2.0
"""The same job in a process that is pid 1 of a namespace."""

from __future__ import annotations

from typing import Any

from ladle.core.worker.job import JobContext

REPEATABLE = True
OWN_PROCESSES = True


def visit(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Say which process this is, and change it as asked."""
    from importlib import import_module

    answer: dict[str, Any] = import_module("ladle_test_lanes_plain").visit(context, args)
    return answer
