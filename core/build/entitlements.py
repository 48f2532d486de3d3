# SPDX-License-Identifier: Apache-2.0
"""What a step may do beyond the sandbox, and only by the user's leave: `--allow` (SE-08)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from ladle.core.api.errors import BuildError, UsageError
from ladle.llb.ops.exec import ExecOp, NetMode, SecurityMode

if TYPE_CHECKING:
    from ladle.llb.vertex import Vertex

KNOWN = ("network.host", "security.insecure", "device", "host", "local.delete", "buildx.local.delete")
_DEVICE = re.compile(r"device=[^,=]+(=[^,=]+)?(,alias=[^,]+)?")


def parse_allow(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the grants of all `--allow`; raises `UsageError` for one that there is not."""
    found: list[str] = []
    for text in texts:
        for grant in [text] if text.startswith("device=") else text.split(","):
            if grant not in KNOWN and not _DEVICE.fullmatch(grant):
                raise UsageError(
                    f"unknown entitlement {grant!r}", code="LA0122", help=f"one of {', '.join(KNOWN)}, device=NAME"
                )
            found.append(grant)
    return tuple(found)


def check_entitlements(vertex: Vertex, grants: Collection[str]) -> None:
    """Raise `BuildError` if a vertex asks for what was not granted, whether or not it would run."""
    op = vertex.op
    if not isinstance(op, ExecOp):
        return
    if op.network is NetMode.HOST and "network.host" not in grants:
        raise BuildError(
            "network.host is not allowed",
            code="LA0401",
            help="grant it with --allow network.host, or --network host",
        )
    if op.security is SecurityMode.INSECURE and "security.insecure" not in grants:
        raise BuildError(
            "security.insecure is not allowed",
            code="LA0402",
            help="grant it with --allow security.insecure: the step can then do to this machine whatever you can",
        )
    if op.cdi_devices:
        from ladle.core.build.devices import devices_of

        devices_of(op, grants)
