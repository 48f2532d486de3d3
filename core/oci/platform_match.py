# SPDX-License-Identifier: Apache-2.0
"""Which image of an index suits a platform: containerd's rules, variants included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ladle.core.oci.errors import missing_platform

if TYPE_CHECKING:
    from ladle.core.oci.documents import Descriptor
    from ladle.llb.ops.platform import Platform

_Triple = tuple[str, str, str]


def select_platform(
    image: str,
    entries: Sequence[Descriptor],
    wanted: Platform,
    *,
    platform_of: Callable[[Descriptor], Platform | None] | None = None,
) -> Descriptor:
    """Return the entry that suits best; raises `BuildError` listing the platforms that there are.

    `platform_of` finds out the platform of an entry that does not state it (from its config).
    """
    candidates = [entry for entry in entries if not entry.is_attestation]
    stated = [(entry, entry.platform or (platform_of(entry) if platform_of else None)) for entry in candidates]
    found = [(entry, _normalised(platform)) for entry, platform in stated if platform is not None]
    for choice in acceptable(wanted):
        for entry, triple in found:
            if triple == choice:
                return entry
    names = sorted({"/".join(filter(None, triple)) for _, triple in found if triple[0] != "unknown"})
    raise missing_platform(image, wanted.id, names)


def acceptable(wanted: Platform) -> list[_Triple]:
    """Return the `(os, architecture, variant)` that run on a platform, the best first."""
    system, arch, variant = _normalised(wanted)
    if arch == "amd64":
        level = int(variant[1:]) if variant[1:].isdigit() else 1
        lower = [(system, arch, f"v{n}" if n > 1 else "") for n in range(level - 1, 0, -1)]
        return [(system, arch, variant), *lower, (system, "386", "")]
    if arch == "arm":
        level = int(variant[1:]) if variant[1:].isdigit() else 7
        return [(system, arch, variant), *((system, arch, f"v{n}") for n in range(level - 1, 4, -1))]
    if arch == "arm64":
        own = [(system, arch, variant)] if not variant else [(system, arch, variant), (system, arch, "")]
        return [*own, *((system, "arm", f"v{n}") for n in range(8, 4, -1))]
    return [(system, arch, variant)]


def _normalised(platform: Platform) -> _Triple:
    arch = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386"}.get(
        platform.architecture.lower(), platform.architecture.lower()
    )
    variant = platform.variant.lower()
    if variant.isdigit():
        variant = f"v{variant}"
    if (arch, variant) in (("amd64", "v1"), ("arm64", "v8")):
        variant = ""
    if arch == "arm" and not variant:
        variant = "v7"
    return platform.os.lower(), arch, variant
