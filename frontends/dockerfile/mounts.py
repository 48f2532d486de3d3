# SPDX-License-Identifier: Apache-2.0
"""The values of `RUN --mount` and `RUN --device`: comma-separated options, quoted as CSV (DF-43 to DF-48)."""

from __future__ import annotations

import re
from collections.abc import Callable

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile import errors, reasons
from ladle.frontends.dockerfile.ast import Word
from ladle.frontends.dockerfile.reasons import ReasonError
from ladle.frontends.suggest import nearest
from ladle.llb.values import dataclass

KINDS = ("bind", "cache", "tmpfs", "secret", "ssh")
SHARINGS = ("shared", "private", "locked")
_KEYS = "type from source src target dst destination readonly ro readwrite rw required size id sharing mode uid gid env"
_BARE = {"ro": "true", "readonly": "true", "rw": "true", "readwrite": "true", "required": "true"}
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(?:([kmgtp])?(?:i?b)?)", re.ASCII | re.IGNORECASE)
_HIGHEST_ID = 2**32 - 1


@dataclass(slots=True, kw_only=True)
class Asked:
    """A mount as it was asked for; None and "" are what was not said."""

    kind: str = "bind"
    origin: str = ""
    """The stage, image or context of `from`."""
    source: str = ""
    target: str = ""
    id: str = ""
    sharing: str = ""
    env: str | None = None
    readonly: bool | None = None
    required: bool = False
    size: int = 0
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None

    @property
    def owned(self) -> bool:
        """Whether mode or owner were said."""
        return self.mode is not None or self.uid is not None or self.gid is not None


def origin_of(word: Word) -> str:
    """Return the `from` of a mount, which stands as it is written: no variable can be in it."""
    found = ""
    for field in _fields(word, "mounts"):
        key, equals, value = field.partition("=")
        if equals and key.lower() == "from":
            if re.search(r"\$.", value):
                raise DiagnosticError([errors.mount_from_variable(word.span)])
            found = value
    return found


def parse_mount(word: Word, expand: Callable[[Word], str]) -> Asked:
    """Return what a mount asks for, with variables put in; raises `DiagnosticError`."""
    asked = Asked()
    for field in _fields(word, "mounts"):
        key, equals, value = field.partition("=")
        key = key.lower()
        try:
            if not equals:
                if key not in _BARE:
                    raise reasons.mount_field(field)
                value = _BARE[key]
            elif key != "from":
                value = expand(Word(value, word.span))
            if key not in _KEYS.split():
                raise reasons.mount_key(key, field, nearest(key, _KEYS.split()), _KEYS.replace(" ", ", "))
            _set(asked, key, value)
        except ReasonError as error:
            raise DiagnosticError([error.at(word.span)]) from None
    problem = _problem(asked)
    if problem:
        raise DiagnosticError([problem.at(word.span)])
    if asked.readonly is None:
        asked.readonly = asked.kind not in ("cache", "tmpfs")
    return asked


def parse_device(word: Word) -> tuple[str, bool]:
    """Return name and whether it is required of `--device=NAME[,required]`; raises `DiagnosticError`."""
    name, required = "", False
    for field in _fields(word, "devices"):
        key, equals, value = field.partition("=")
        if key.lower() == "required" and (not equals or value in _TRUE or value in _FALSE):
            required = not equals or value in _TRUE
            continue
        if name:
            raise DiagnosticError([reasons.second_device(name).at(word.span)])
        name = value if key.lower() == "name" else field
    if not name:
        raise DiagnosticError([reasons.no_device().at(word.span)])
    return name, required


def _fields(word: Word, what: str) -> list[str]:
    import csv

    try:
        rows = list(csv.reader([word.text], strict=True))
    except csv.Error as error:
        raise DiagnosticError([reasons.mount_not_csv(what, str(error)).at(word.span)]) from None
    if not rows or not rows[0]:
        raise DiagnosticError([reasons.mount_not_csv(what, "EOF").at(word.span)])
    return rows[0]


def _set(asked: Asked, key: str, value: str) -> None:
    """Set one option; raises `ReasonError`."""
    if key == "type":
        asked.kind = _one_of(value, KINDS, reasons.mount_type)
    elif key == "sharing":
        asked.sharing = _one_of(value, SHARINGS, reasons.mount_sharing)
    elif key == "from":
        asked.origin = value
    elif key in ("source", "src"):
        asked.source = value
    elif key in ("target", "dst", "destination"):
        asked.target = value
    elif key in ("readonly", "ro", "readwrite", "rw"):
        asked.readonly = _bool(key, value) == (key in ("readonly", "ro"))
    elif key == "required":
        _only(asked, key, "secret", "ssh")
        asked.required = _bool(key, value)
    elif key == "size":
        _only(asked, key, "tmpfs")
        asked.size = _size(key, value)
    elif key == "id":
        asked.id = value
    elif key == "env":
        asked.env = value
    else:
        setattr(asked, key, _number(key, value, 8 if key == "mode" else 10))


def _problem(asked: Asked) -> ReasonError | None:
    """Return what is wrong with the options together."""
    kind = asked.kind
    if kind not in ("secret", "ssh", "cache"):
        said = next((name for name in ("mode", "uid", "gid") if getattr(asked, name) is not None), None)
        if said:
            return reasons.mount_owner(said, kind)
    if kind == "secret":
        if asked.origin:
            return reasons.secret_from()
        if asked.sharing:
            return reasons.secret_sharing()
        if not (asked.source or asked.target or asked.id):
            return reasons.secret_without_name()
        if asked.source and asked.id:
            return reasons.secret_two_names()
    if asked.sharing and kind != "cache":
        return reasons.sharing_of_other(kind)
    if kind == "ssh" and asked.source:
        return reasons.ssh_source()
    return None


def _only(asked: Asked, key: str, *kinds: str) -> None:
    if asked.kind not in kinds:
        raise reasons.mount_key_of_type(key, asked.kind, " or ".join(kinds))


def _one_of(value: str, known: tuple[str, ...], problem: Callable[[str, str, str], ReasonError]) -> str:
    if value.lower() not in known:
        raise problem(value, nearest(value, known), ", ".join(known))
    return value.lower()


def _bool(key: str, value: str) -> bool:
    if value not in _TRUE and value not in _FALSE:
        raise reasons.mount_not_boolean(key, value)
    return value in _TRUE


def _number(key: str, value: str, base: int) -> int:
    digits = "[0-7]{1,12}" if base == 8 else "[0-9]{1,10}"
    if not re.fullmatch(digits, value) or int(value, base) > _HIGHEST_ID:
        raise reasons.mount_number(key, value)
    return int(value, base)


def _size(key: str, value: str) -> int:
    match = _SIZE.fullmatch(value)
    if match is None:
        raise reasons.mount_size(key, value)
    return int(float(match[1]) * 1024 ** " kmgtp".index((match[2] or " ").lower()))
