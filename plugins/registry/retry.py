# SPDX-License-Identifier: Apache-2.0
"""When to ask a registry again, and how long to wait before."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

ATTEMPTS = 5
RETRIED = frozenset([408, 429, 500, 502, 503, 504])
MAX_PAUSE = 60.0
"""Seconds to wait at most, whatever `Retry-After` asks for."""


def pause(attempt: int, retry_after: str = "", *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait before the next attempt: as long as the registry asks for, else a time that doubles, with jitter."""
    asked = _seconds(retry_after)
    sleep(min(asked, MAX_PAUSE) if asked is not None else min(0.2 * 2**attempt * random.uniform(0.75, 1.25), MAX_PAUSE))


def _seconds(text: str) -> float | None:
    """Return the seconds of a `Retry-After` header: a number or a date."""
    text = text.strip()
    if not text:
        return None
    if text.isdigit():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return None
