# SPDX-License-Identifier: Apache-2.0
"""The control file of a Debian package: its fields, where each comes from, and what is a valid one.

The format: https://www.debian.org/doc/debian-policy/ch-controlfields.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ladle.core.api.errors import BuildError

FIELDS: tuple[tuple[str, str, str], ...] = (
    ("Package", "name", "org.opencontainers.image.title"),
    ("Version", "version", "org.opencontainers.image.version"),
    ("Architecture", "arch", ""),
    ("Maintainer", "maintainer", "org.opencontainers.image.authors"),
    ("Section", "section", ""),
    ("Priority", "priority", ""),
    ("Depends", "depends", ""),
    ("Conflicts", "conflicts", ""),
    ("Provides", "provides", ""),
    ("Replaces", "replaces", ""),
    ("Homepage", "homepage", "org.opencontainers.image.url"),
    ("Description", "description", "org.opencontainers.image.description"),
)
"""Each field with the attribute of `-o type=deb` and the label of the image that it can come from."""
DEFAULTS = {
    "Maintainer": "nobody <nobody@localhost>",
    "Section": "misc",
    "Priority": "optional",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_VERSION = re.compile(r"(?:[0-9]+:)?[0-9][A-Za-z0-9.+~-]*")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]*")
_FIELD = re.compile(r"([!-,.-9;-~][!-9;-~]*):[ \t]*(.*)")
_ARCHITECTURES = {
    "386": "i386",
    "amd64": "amd64",
    "arm64": "arm64",
    "arm/v7": "armhf",
    "arm/v6": "armel",
    "arm/v5": "armel",
    "loong64": "loong64",
    "mips64le": "mips64el",
    "ppc64le": "ppc64el",
    "riscv64": "riscv64",
    "s390x": "s390x",
}


def architecture(name: str, variant: str) -> str:
    """Return what Debian calls an architecture; raises `BuildError` for one that it does not have."""
    found = _ARCHITECTURES.get(f"{name}/{variant}") or _ARCHITECTURES.get(name)
    if found is None:
        raise BuildError(
            f"type=deb: Debian has no architecture for {name}{'/' + variant if variant else ''}",
            code="DEB0004",
            help="say which one it is with arch=",
        )
    return found


def parse_control(data: bytes) -> dict[str, str]:
    """Return the fields of a `DEBIAN/control`; raises `BuildError` naming the line of what is none."""
    fields: dict[str, str] = {}
    last = ""
    for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        if line[0] in " \t" and last:
            fields[last] += f"\n{line}"
            continue
        match = _FIELD.fullmatch(line)
        if match is None:
            raise BuildError(
                f"DEBIAN/control:{number}: {line[:80]!r} is not a field",
                code="DEB0005",
                help="write it as Name: value; further lines of a value begin with a space",
            )
        last = match[1]
        fields[last] = match[2].strip()
    return fields


def merged(attributes: Mapping[str, str], given: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    """Return the fields in their order: from attributes, else from `DEBIAN/control`, else from labels of the image."""
    fields: dict[str, str] = {}
    known = {name.lower(): value for name, value in given.items()}
    for field, attribute, label in FIELDS:
        value = attributes.get(attribute) or known.pop(field.lower(), "") or labels.get(label, "")
        fields[field] = value or DEFAULTS.get(field, "")
        known.pop(field.lower(), None)
    fields["Description"] = fields["Description"] or f"{fields['Package']}, built by ladle"
    fields |= {name: value for name, value in given.items() if name.lower() in known}
    return {name: value for name, value in fields.items() if value}


def check(fields: Mapping[str, str]) -> None:
    """Raise `BuildError` for fields that dpkg would refuse, saying where to give them."""
    for field, pattern, attribute, wanted in (
        ("Package", _NAME, "name", "two or more of a-z, 0-9, +, - and ., the first a letter or digit"),
        ("Version", _VERSION, "version", "a digit, then letters, digits, ., +, ~ and -"),
        ("Architecture", _ARCHITECTURE, "arch", "a name such as amd64, arm64 or all"),
    ):
        value = fields.get(field, "")
        if not value:
            raise BuildError(
                f"type=deb: the package has no {field.lower()}",
                code="DEB0002",
                help=f"give {attribute}=, or a field {field} in DEBIAN/control",
            )
        if not pattern.fullmatch(value):
            raise BuildError(
                f"type=deb: {value!r} cannot be the {field.lower()} of a Debian package",
                code="DEB0003",
                help=f"write it as {wanted}",
            )


def control_text(fields: Mapping[str, str], installed_kilobytes: int) -> bytes:
    """Return the control file; an empty line of a description becomes ` .`, as the format wants it."""
    lines = []
    for name, value in fields.items():
        first, *rest = value.strip("\n").split("\n")
        lines.append(f"{name}: {first.strip()}")
        lines += [_continued(line) for line in rest]
        if name == "Architecture":
            lines.append(f"Installed-Size: {installed_kilobytes}")
    return ("\n".join(lines) + "\n").encode()


def _continued(line: str) -> str:
    if not line.strip():
        return " ."
    return line if line[0] in " \t" else f" {line}"
