# SPDX-License-Identifier: Apache-2.0
"""The platform an op runs on or a source is wanted for."""

from __future__ import annotations

from ladle.llb.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """An OCI platform: `linux/arm64/v8` is `Platform(os="linux", architecture="arm64", variant="v8")`."""

    architecture: str
    os: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The platform in the form that people write: `os/architecture[/variant]`."""
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))

    def __str__(self) -> str:
        return self.id
