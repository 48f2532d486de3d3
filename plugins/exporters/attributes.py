# SPDX-License-Identifier: Apache-2.0
"""Reading an exporter's attributes (`type=oci,dest=x.tar,…`) into typed values; what is left over is a mistake."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from ladle.core.api.errors import UsageError

_TRUE = frozenset(["1", "t", "true", "yes", "on", ""])
_FALSE = frozenset(["0", "f", "false", "no", "off"])


class Attributes:
    """The attributes of one exporter; each is taken once, then `finish` refuses the rest."""

    def __init__(self, exporter: str, attrs: Mapping[str, str]) -> None:
        self.exporter = exporter
        self._left = {key: value for key, value in attrs.items() if key != "type"}
        self._known: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """Take a text."""
        self._known.append(name)
        return self._left.pop(name, default)

    def boolean(self, name: str, default: bool) -> bool:
        """Take a switch as Go's `strconv.ParseBool` reads it; an attribute without a value is on."""
        self._known.append(name)
        value = self._left.pop(name, None)
        return default if value is None else self.switch(name, value)

    def switch(self, name: str, value: str) -> bool:
        """Return what the value of a switch means."""
        if value.lower() in _TRUE:
            return True
        if value.lower() in _FALSE:
            return False
        raise self.bad_value(name, value, "true or false")

    def number(self, name: str, low: int, high: int) -> int | None:
        """Take a whole number, None if it is not given."""
        self._known.append(name)
        value = self._left.pop(name, None)
        if value is None or value == "":
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", value) or not low <= int(value) <= high:
            raise self.bad_value(name, value, f"a number from {low} to {high}")
        return int(value)

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """Take one of several words."""
        value = self.text(name, default) or default
        if value not in choices:
            raise self.bad_value(name, value, " or ".join(choices))
        return value

    def destination(self, *, stdout: bool, default: str = "") -> str:
        """Take `dest` as an absolute path, or `-` for standard output, which must not be a terminal then."""
        dest = self.text("dest", default)
        if not dest:
            raise UsageError(f"type={self.exporter} needs dest=PATH", code="LA0253")
        if dest == "-":
            if not stdout:
                raise self.bad_value("dest", dest, "a directory")
            if os.isatty(1):
                raise UsageError(
                    f"type={self.exporter} does not write to a terminal",
                    code="LA0222",
                    help="redirect standard output, or name a file with dest=",
                )
            return dest
        return os.path.abspath(dest)

    def matching(self, pattern: re.Pattern[str], shown: str) -> list[tuple[re.Match[str], str]]:
        """Take every attribute whose name matches."""
        self._known.append(shown)
        found = [(match, value) for key, value in self._left.items() if (match := pattern.fullmatch(key))]
        for match, _ in found:
            del self._left[match[0]]
        return found

    def finish(self) -> None:
        """Refuse what nobody took, naming what is near."""
        for name in self._left:
            from difflib import get_close_matches

            near = get_close_matches(name, self._known, n=1)
            raise UsageError(
                f"type={self.exporter} has no attribute {name!r}",
                code="LA0220",
                notes=[f"it has: {', '.join(sorted(self._known))}"],
                help=f"did you mean {near[0]!r}?" if near else "",
            )

    def bad_value(self, name: str, value: str, wanted: str) -> UsageError:
        """Return the error for an attribute with a value that it cannot have."""
        return UsageError(f"type={self.exporter}: {name}={value!r} must be {wanted}", code="LA0221")
