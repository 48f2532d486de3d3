# SPDX-License-Identifier: Apache-2.0
"""`local://NAME`: a directory of the person who builds. Its key is its content, so pinning it is scanning it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.api.source import Pin

if TYPE_CHECKING:
    from ladle.core.api.frontend import ResolvedImage
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services
    from ladle.llb.ops import Platform, SourceOp


class LocalSource:
    """Directories of the session, filtered by the attributes that BuildKit knows (FEATURES LLB-10)."""

    SCHEMES: ClassVar[tuple[str, ...]] = ("local",)

    def __init__(self, services: Services) -> None:
        self._services = services

    def resolve(self, ref: str, *, platform: Platform, scheme: str) -> ResolvedImage:  # noqa: ARG002 (the contract's)
        """Refuse: a directory is no image."""
        raise BuildError(f"local://{ref} is a directory, not an image", code="LA0218")

    def pin(self, op: SourceOp, platform: Platform | None) -> Pin:  # noqa: ARG002 (the contract's)
        """Scan the directory: an unchanged one costs a stat a file."""
        from ladle.core.content.scan import scan

        root = self._services.session.local(op.ref)
        found = scan(
            root,
            exclude=_patterns(op, "local.excludepatterns"),
            include=_patterns(op, "local.includepattern"),
            follow_paths=_patterns(op, "local.followpaths"),
            cache_dir=f"{self._services.root}/scans",
        )
        ref: Ref = {"kind": "local", "root": found.root, "table": found.table_path}
        return Pin(key=found.digest, ref=ref)

    async def fetch(self, op: SourceOp, platform: Platform | None, pin: Pin) -> Ref:  # noqa: ARG002 (the contract's)
        """Return the ref that the pin already has."""
        if pin.ref is None:
            raise InternalError(f"{op.identifier}: the pin of a local directory has no ref")
        return pin.ref


def _patterns(op: SourceOp, name: str) -> list[str]:
    """Return an attribute's JSON list of texts."""
    text = op.attr(name)
    if not text:
        return []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if value is None or not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BuildError(f"{op.identifier}: {name} is not a JSON list of texts: {text[:200]!r}", code="LA0219")
    return value
