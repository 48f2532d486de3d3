# SPDX-License-Identifier: Apache-2.0
"""Here-documents: which words of an instruction open one (`<<EOF`, `<<-EOF`, `3<<"EOF"`), and their bodies."""

from __future__ import annotations

import json
import re
from dataclasses import field, replace

from ladle.frontends.dockerfile.words import Style, WordError, expand
from ladle.llb.values import dataclass

_INSTRUCTIONS = re.compile(r"(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\s", re.IGNORECASE)
_OPENING = re.compile(r"(\d*)<<(-?)([^<]*)")


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document: `opening` is the word that opens it, `start` and `end` its place in the logical line."""

    name: str
    opening: str
    start: int = field(compare=False, repr=False)
    end: int = field(compare=False, repr=False)
    chomp: bool = False
    expand: bool = True
    descriptor: int = 0
    body: str = ""

    def closed(self, body: str) -> Heredoc:
        """Return the same with its body, as it stands in the file."""
        return replace(self, body=body)

    @property
    def text(self) -> str:
        """The body as it is used: `<<-` takes the tabs off the beginnings of its lines."""
        return re.sub(r"^\t+", "", self.body, flags=re.MULTILINE) if self.chomp else self.body


def openings(text: str, escape: str) -> list[Heredoc]:
    """Return the here-documents that an instruction opens, without bodies; none in the JSON form."""
    if "<<" not in text:
        return []
    match = _INSTRUCTIONS.match(text)
    if match is None or _is_json(text[match.end() :]):
        return []
    found: list[Heredoc] = []
    for start, word in _words(text, match.end(), escape):
        opening = _OPENING.fullmatch(word)
        if opening is None:
            continue
        name = _unquoted(opening[3])
        if name:
            found.append(
                Heredoc(
                    name,
                    word,
                    start,
                    start + len(word),
                    chomp=bool(opening[2]),
                    expand=name == opening[3],
                    descriptor=int(opening[1] or 0) if len(opening[1]) < 9 else 0,
                )
            )
    return found


def _unquoted(text: str) -> str:
    """Return the name that ends a here-document; an empty text where a quote is not closed. No variable is put in."""
    try:
        return expand(text, {}, Style(keep_unset=True))
    except WordError:
        return ""


def _is_json(rest: str) -> bool:
    if not rest.lstrip().startswith("["):
        return False
    try:
        return isinstance(json.loads(rest), list)
    except (ValueError, RecursionError):
        return False


def _words(text: str, start: int, escape: str) -> list[tuple[int, str]]:
    """Return the shell words from `start` on with their places; quotes stay in."""
    unit = rf"[^\t\v\f\r \"'{re.escape(escape)}]|{re.escape(escape)}.?|\"(?:{re.escape(escape)}.|[^\"])*\"?|'[^']*'?"
    return [(match.start(), match[0]) for match in re.compile(rf"(?:{unit})+").finditer(text, start)]
