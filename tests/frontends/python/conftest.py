# SPDX-License-Identifier: Apache-2.0
"""The context without a world, and build files as the frontend gets them."""

from __future__ import annotations

from tests.frontends.dockerfile.conftest import cases, make_context

__all__ = ["cases", "make_context"]
