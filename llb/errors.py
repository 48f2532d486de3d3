# SPDX-License-Identifier: Apache-2.0
"""The one error that everything about the graph raises."""

from __future__ import annotations


class LLBError(ValueError):
    """A graph, op or encoding that is not valid; the message names the bad value."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
