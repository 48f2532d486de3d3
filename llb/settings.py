# SPDX-License-Identifier: Apache-2.0
"""What a state carries from step to step beside its tree: environment, directory, user and the like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from ladle.llb.errors import LLBError
from ladle.llb.ops.exec import HostIP, NetMode, SecurityMode, Ulimit
from ladle.llb.ops.platform import Platform
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.llb.mounts import MountSpec


class Environment:
    """Variables in the order of their last setting. Immutable; shared by every step between two changes."""

    __slots__ = ("_texts", "_values")

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values: dict[str, str] = dict(values or {})
        self._texts: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Environment:
        """Return the environment of `NAME=value` texts, such as an image's."""
        return cls({name: value for name, _, value in (text.partition("=") for text in texts)})

    def with_values(self, values: Mapping[str, str]) -> Environment:
        """Return an environment with these variables set, later than all others."""
        new = dict(self._values)
        for name, value in values.items():
            if not name or "=" in name or "\0" in name or "\0" in value:
                raise LLBError(f"variable {name!r} with value {value!r} cannot be set")
            new.pop(name, None)
            new[name] = value
        made = Environment()
        made._values = new
        return made

    def without(self, name: str) -> Environment:
        """Return an environment without a variable."""
        return Environment({key: value for key, value in self._values.items() if key != name})

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return a variable's value, or the default."""
        return self._values.get(name, default)

    @property
    def values(self) -> Mapping[str, str]:
        """All variables."""
        return dict(self._values)

    @property
    def texts(self) -> tuple[str, ...]:
        """All variables as `NAME=value`; computed once."""
        if self._texts is None:
            self._texts = tuple([f"{name}={value}" for name, value in self._values.items()])
        return self._texts


EMPTY_ENVIRONMENT = Environment()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Defaults for the steps that follow; one object serves all states between two changes."""

    environment: Environment = EMPTY_ENVIRONMENT
    directory: str = "/"
    user: str = ""
    hostname: str = ""
    platform: Platform | None = None
    network: NetMode = NetMode.UNSET
    security: SecurityMode = SecurityMode.SANDBOX
    extra_hosts: tuple[HostIP, ...] = ()
    ulimit: tuple[Ulimit, ...] = ()
    cgroup_parent: str = ""
    mounts: tuple[MountSpec, ...] = field(default=())


DEFAULT_SETTINGS = Settings()
