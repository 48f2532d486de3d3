# SPDX-License-Identifier: Apache-2.0
"""A context without any world behind it: files and images come from dicts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.diagnostics import Diagnostic
from ladle.core.api.errors import BuildError
from ladle.core.api.frontend import CompileOptions, HostBase, NamedContext, OtherFile, ResolvedImage
from ladle.core.api.reference import parse_reference
from ladle.llb.ops import Platform, SourceOp

AMD64 = Platform(os="linux", architecture="amd64")
PINNED = "sha256:" + "5" * 64
BASE_CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "config": {"Env": ["PATH=/bin", "LANG=C"], "Cmd": ["sh"], "WorkingDir": "/"},
    "history": [{"created": "2020-01-02T03:04:05Z", "created_by": "made by hand"}],
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]},
}


@dataclass
class FakeContext:
    """What a frontend may ask, answered from memory; every image is the same small one unless it is listed."""

    text: bytes
    options: CompileOptions
    files: dict[str, bytes] = field(default_factory=dict)
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    digest: str = PINNED
    named: dict[str, NamedContext] = field(default_factory=dict)
    host: HostBase | None = None
    warnings: list[Diagnostic] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    dates: dict[str, int] = field(default_factory=dict)
    """When sources were made, by their identifiers; the build context is the empty one."""

    def build_file(self) -> tuple[str, bytes]:
        return self.options.filename, self.text

    def read(self, path: str, *, beside_build_file: bool = False) -> bytes | None:
        return self.files.get(path)

    def read_other(self, place: str, path: str) -> OtherFile:
        if not place:
            return OtherFile(data=self.read(path))
        if "://" in place:
            tree = NamedContext(name=place, kind="git", value=place)
        elif place in self.named and self.named[place].kind == "local":
            tree = self.named[place]
        else:
            raise BuildError(f"there is no context {place!r}")
        return OtherFile(data=self.files.get(f"{place}/{path}"), tree=tree)

    def ignore_file(self) -> tuple[str, bytes] | None:
        for name in (f"{self.options.filename}.dockerignore", ".dockerignore"):
            if name in self.files:
                return name, self.files[name]
        return None

    def resolve_image(self, ref: str, *, platform: Platform, scheme: str = "docker-image") -> ResolvedImage:
        self.asked.append(f"{scheme}://{ref}")
        name = str(parse_reference(ref))
        if "missing" in name:
            raise BuildError("not found", notes=("asked a registry of nobody",), help="push it first")
        config = self.images.get(name, BASE_CONFIG)
        return ResolvedImage(
            name=name,
            scheme=scheme,
            pinned=f"{name}@{self.digest}",
            digest=self.digest,
            config=json.dumps(config).encode(),
            platform=AMD64,
        )

    def resolve_host(self) -> HostBase:
        if self.host is None:
            raise BuildError("this build may not use the host", help="--allow host")
        return self.host

    def named_context(self, name: str, *, platform: Platform) -> NamedContext | None:
        return self.named.get(name)

    def source_date(self, op: SourceOp | None = None) -> int | None:
        self.asked.append(f"date of {op.identifier if op else 'context'}")
        return self.dates.get(op.identifier if op else "")

    def warn(self, diagnostic: Diagnostic) -> None:
        self.warnings.append(diagnostic)


MakeContext = Callable[..., FakeContext]


@pytest.fixture
def make_context() -> MakeContext:
    """Return a maker of contexts: text, then any field of `FakeContext`; other words are compile options."""

    def make(text: bytes | str, *, options: Mapping[str, Any] | None = None, **fields: Any) -> FakeContext:
        data = text.encode() if isinstance(text, str) else text
        given = {"platforms": (AMD64,), "build_platform": AMD64, **(options or {})}
        return FakeContext(data, CompileOptions(**given), **fields)

    return make


@pytest.fixture
def cases() -> Path:
    """Return the folder of cases."""
    return Path(__file__).parents[2] / "cases"
