# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the reliability suites: builds that are killed, and builds to which everything bad happens."""

from __future__ import annotations

from tests.support.fixtures import busybox, context, ladle, registry, shared
from tests.support.users import user, user_home, user_ladle, user_venv

__all__ = ["busybox", "context", "ladle", "registry", "shared", "user", "user_home", "user_ladle", "user_venv"]
