# SPDX-License-Identifier: Apache-2.0
"""The configuration: TOML of the machine and of the user, read only when something asks for it.

`$LADLE_CONFIG` names the one file that counts; else `/etc/ladle/config.toml` and then
`$XDG_CONFIG_HOME/ladle/config.toml` (`~/.config`), of which the second overrides the first key by key.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.core.build.reads import Read, file_read, read_bounded

_SYSTEM = "/etc/ladle/config.toml"


def configuration_files(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the absolute paths of the files that count, whether or not they exist."""
    if named := environ.get("LADLE_CONFIG"):
        return (os.path.abspath(named),)
    home = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", "/"), ".config")
    return (_SYSTEM, os.path.join(home, "ladle", "config.toml"))


class Configuration:
    """Sections and their keys; `reads` are the files that it came from, for keys of what depends on it."""

    def __init__(self, sections: Mapping[str, Mapping[str, Any]], reads: tuple[Read, ...] = ()) -> None:
        self._sections = sections
        self.reads = reads

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Configuration:
        """Read the files; raises `BuildError` naming one that is not valid, and where."""
        sections: dict[str, dict[str, Any]] = {}
        reads = []
        for path in configuration_files(environ):
            try:
                data = read_bounded(path)
            except OSError as error:
                raise BuildError(f"cannot read the configuration {path}: {error.strerror}", code="LA0160") from error
            reads.append(file_read(path, data))
            if data is not None:
                for name, section in _parsed(path, data).items():
                    sections.setdefault(name, {}).update(section)
        return cls(sections, tuple(reads))

    def texts(self, section: str, key: str) -> tuple[str, ...] | None:
        """Return a list of texts, None where it is not set; raises `BuildError` for anything else."""
        value = self._sections.get(section, {}).get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise BuildError(
                f"the configuration's [{section}] {key} is {value!r}",
                code="LA0161",
                help=f'write it as a list of texts: {key} = ["…"]',
            )
        return tuple(value)

    def section(self, name: str) -> Mapping[str, Any]:
        """Return all keys of a section."""
        return self._sections.get(name, {})


def _parsed(path: str, data: bytes) -> dict[str, dict[str, Any]]:
    import tomllib

    try:
        found = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BuildError(
            f"the configuration {path} is not valid TOML: {error}", code="LA0162", help="mend it"
        ) from None
    for name, section in found.items():
        if not isinstance(section, dict):
            raise BuildError(
                f"the configuration {path}: {name} is not a section", code="LA0161", help=f"write [{name}]"
            )
    return found
