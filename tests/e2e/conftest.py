# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests: real images, a real registry, real users."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.fixtures import busybox, context, ladle, locked, registry, shared
from tests.support.images import BUSYBOX_CONFIG, Layout, debian_root
from tests.support.users import user, user_home, user_ladle, user_venv

__all__ = ["busybox", "context", "ladle", "registry", "shared", "user", "user_home", "user_ladle", "user_venv"]


@pytest.fixture(scope="session")
def debian(shared: Path) -> Path:
    """Return an OCI layout with `debian:latest`; the root file system is cached between runs."""
    cache = Path(os.environ.get("LADLE_TEST_CACHE", "/var/tmp/ladle-test-cache"))
    with locked(shared / "debian.lock"):
        path = shared / "debian"
        if not (path / "index.json").exists():
            config = {**BUSYBOX_CONFIG, "config": {**BUSYBOX_CONFIG["config"], "Cmd": ["bash"]}}
            Layout(path).image("latest", config, [debian_root(cache).read_bytes()])
    return path
