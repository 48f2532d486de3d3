# SPDX-License-Identifier: Apache-2.0
"""What `local` and `tar` have in common: what is taken of a result, whose it is, and how the work is told of."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from ladle.core.api.errors import UsageError
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.exporter import Solved
    from ladle.core.api.services import Reporter
    from ladle.plugins.exporters.attributes import Attributes

_MAX_SOURCES = 100
_INTERVAL = 2.0
_OWNER = re.compile(r"([0-9]{1,10})(?::([0-9]{1,10}))?")
_LARGEST_ID = (1 << 32) - 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """`src`, `owner`, `platform-split` and `source-date-epoch`; `split` None means: where there are several."""

    src: tuple[str, ...] = ()
    owner: str = "me"
    split: bool | None = None
    epoch: int | None = None

    @classmethod
    def take(cls, attributes: Attributes, *, owner: str) -> Self:
        """Take these attributes; `owner` is what holds where none is given."""
        split = attributes.text("platform-split", "\0")
        return cls(
            src=_sources(attributes),
            owner=_owner(attributes, owner),
            split=None if split == "\0" else attributes.switch("platform-split", split),
            epoch=attributes.number("source-date-epoch", 0, 1 << 40),
        )

    def arguments(self, solved: Solved) -> dict[str, Any]:
        """Return the arguments of the worker's job."""
        from ladle.plugins.exporters.split import platform_folders

        return {
            "parts": [[folder, ref] for folder, ref in platform_folders(solved, self.split).items()],
            "src": list(self.src),
            "epoch": self.epoch if self.epoch is not None else solved.epoch,
        }

    def ids(self) -> str | list[int]:
        """Return "me", "keep", or the user and the group."""
        if self.owner in ("me", "keep"):
            return self.owner
        user, _, group = self.owner.partition(":")
        return [int(user), int(group or user)]


def shown_progress(reporter: Reporter, dest: str) -> Callable[[dict[str, Any]], None]:
    """Return the callback that shows a job's counts, every so often."""
    name = f"exporting to {'standard output' if dest == '-' else os.path.relpath(dest)}"
    last = time.monotonic()

    def pass_on(event: dict[str, Any]) -> None:
        nonlocal last
        now = time.monotonic()
        if event["type"] == "progress" and now - last >= _INTERVAL:
            last = now
            reporter.status(name, f"{event['current']} files")

    return pass_on


def _sources(attributes: Attributes) -> tuple[str, ...]:
    from ladle.core.layers.selection import parse_selection

    texts = tuple(text for text in attributes.text("src", "").split("\n") if text)
    if len(texts) > _MAX_SOURCES:
        raise UsageError(f"type={attributes.exporter}: more than {_MAX_SOURCES} src=", code="LA0254")
    for text in texts:
        try:
            parse_selection(text)
        except ValueError as error:
            raise UsageError(f"type={attributes.exporter}: bad src={text!r}: {error}", code="LA0255") from None
    return texts


def _owner(attributes: Attributes, default: str) -> str:
    owner = attributes.text("owner", default) or default
    match = _OWNER.fullmatch(owner)
    known = match is not None and all(int(part) <= _LARGEST_ID for part in match.groups() if part)
    if owner not in ("me", "keep") and not known:
        raise attributes.bad_value("owner", owner, "me, keep or UID[:GID]")
    return owner
