# SPDX-License-Identifier: Apache-2.0
"""Solved results to export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.exporter import Solved, SolvedImage
from ladle.core.api.refs import layers_ref
from ladle.core.api.services import Services
from ladle.llb.ops import Platform

CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "config": {"Env": ["PATH=/bin"], "Cmd": ["sh", "-c", "echo <&>"]},
    "history": [{"created_by": "COPY a / # buildkit", "comment": "buildkit.dockerfile.v0"}],
}


@pytest.fixture
def make_solved(services: Services) -> Callable[..., Solved]:
    """Make a result: an image for each architecture, with a layer for each map of files."""

    def make(*layers: Mapping[str, bytes], architectures: tuple[str, ...] = ("amd64",), **options: Any) -> Solved:
        images = []
        for architecture in architectures:
            ids = []
            for files in layers:
                snapshot = services.snapshots.allocate()
                for name, data in files.items():
                    path = Path(services.root, "snapshots", snapshot, name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(data + (architecture.encode() if len(architectures) > 1 else b""))
                services.snapshots.commit(snapshot)
                ids.append(snapshot)
            platform = Platform(os="linux", architecture=architecture)
            config = {**CONFIG, "architecture": architecture}
            images.append(SolvedImage(platform=platform, ref=layers_ref(ids), config=config))
        options.setdefault("created", "2026-01-02T03:04:05Z")
        return Solved(images=tuple(images), **options)

    return make
