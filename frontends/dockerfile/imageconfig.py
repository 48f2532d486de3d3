# SPDX-License-Identifier: Apache-2.0
"""The image config that a stage builds up, read and written in the order and with the omissions of Go's marshalling."""

from __future__ import annotations

import copy
import json
from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.llb.ops import Platform

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_COMMENT = "buildkit.dockerfile.v0"
_CONFIG_KEYS = (
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "ArgsEscaped",
    "Healthcheck",
    "OnBuild",
    "Shell",
)
_MAPS = ("ExposedPorts", "Volumes", "Labels")


@dataclass(slots=True)
class ImageConfig:
    """An image config in the making; `config` holds Docker's keys, absent where empty."""

    architecture: str
    os: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()
    author: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    base_history: int = 0
    has_layers: bool = True
    """Whether there are files in the image."""

    @classmethod
    def empty(cls, platform: Platform) -> ImageConfig:
        """Return the config of scratch."""
        made = cls(platform.architecture, platform.os)
        made.set_platform(platform)
        made.config = {"Env": [f"PATH={DEFAULT_PATH}"], "WorkingDir": "/"}
        return made

    @classmethod
    def parse(cls, data: bytes) -> ImageConfig:
        """Return the config of a base image; raises `ValueError` for what is none."""
        raw = json.loads(data)
        if not isinstance(raw, dict):
            raise ValueError("it is not a JSON object")
        config = raw.get("config") or {}
        history = raw.get("history") or []
        if not isinstance(config, dict) or not isinstance(history, list):
            raise ValueError("its config or history has the wrong type")
        return cls(
            architecture=str(raw.get("architecture", "")),
            os=str(raw.get("os", "")),
            variant=str(raw.get("variant", "")),
            os_version=str(raw.get("os.version", "")),
            os_features=tuple(raw.get("os.features") or ()),
            author=str(raw.get("author", "")),
            config={key: config[key] for key in _CONFIG_KEYS if config.get(key)},
            history=[dict(entry) for entry in history],
            base_history=len(history),
            has_layers=_has_layers(raw, history),
        )

    def copy(self) -> ImageConfig:
        """Return an independent copy, for a stage built on this one."""
        other = copy.copy(self)
        other.config = copy.deepcopy(self.config)
        other.history = list(self.history)
        return other

    def set_platform(self, platform: Platform) -> None:
        """State the platform that the image is for."""
        same = (self.os, self.architecture) == (platform.os, platform.architecture)
        self.os, self.architecture = platform.os, platform.architecture
        self.variant = platform.variant if platform.variant or not same else self.variant
        self.os_version = platform.os_version if platform.os_version or not same else self.os_version
        self.os_features = platform.os_features or self.os_features

    def text(self, key: str) -> str:
        """Return a value that is one text, empty where there is none."""
        return str(self.config.get(key, ""))

    def words(self, key: str) -> list[str]:
        """Return a value that is a list of texts."""
        return list(self.config.get(key) or ())

    def set_env(self, name: str, value: str) -> None:
        """Set a variable, in its old place where there is one."""
        env: list[str] = self.config.setdefault("Env", [])
        for index, entry in enumerate(env):
            if entry.partition("=")[0] == name:
                env[index] = f"{name}={value}"
                return
        env.append(f"{name}={value}")

    def record(self, text: str, epoch: int | None, *, layer: bool = False) -> None:
        """Add an entry to the history."""
        entry: dict[str, Any] = {} if epoch is None else {"created": rfc3339(epoch)}
        entry |= {"created_by": text, "comment": _COMMENT}
        if not layer:
            entry["empty_layer"] = True
        self.history.append(entry)

    def to_dict(self) -> dict[str, Any]:
        """Return the config as the JSON that BuildKit writes; `created` is left out where the build's time decides."""
        out: dict[str, Any] = {"architecture": self.architecture}
        if self.author:
            out["author"] = self.author
        out["config"] = self._config()
        if not self.history:
            out["created"] = None
        elif "created" in self.history[-1]:
            out["created"] = self.history[-1]["created"]
        out["history"] = self.history or None
        out["os"] = self.os
        if self.os_features:
            out["os.features"] = list(self.os_features)
        if self.os_version:
            out["os.version"] = self.os_version
        out["rootfs"] = {"type": "layers", "diff_ids": []}
        if self.variant:
            out["variant"] = self.variant
        return out

    def _config(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key in _CONFIG_KEYS:
            value = self.config.get(key)
            if value:
                out[key] = dict(sorted(value.items())) if key in _MAPS else value
        return out


def _has_layers(raw: dict[str, Any], history: list[dict[str, Any]]) -> bool:
    rootfs = raw.get("rootfs")
    listed = isinstance(rootfs, dict) and bool(rootfs.get("diff_ids"))
    return listed or any(not entry.get("empty_layer") for entry in history)


def rfc3339(seconds: int) -> str:
    """Return a time as image configs write it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
