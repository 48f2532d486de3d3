# SPDX-License-Identifier: Apache-2.0
"""Secrets as `--secret` names them (SE-18, SE-19): read when a build starts, held by its session, written nowhere."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ladle.core.api.errors import BuildError, UsageError
from ladle.llb.values import dataclass

MAX_SECRET = 500 << 10
"""Bytes that a secret may have; BuildKit's limit."""
_HELP = "write it as id=NAME,src=FILE or id=NAME,env=VARIABLE"


@dataclass(frozen=True, slots=True)
class SecretSpec:
    """Where a secret is: in a file, or in a variable of the environment. Its value is no part of this."""

    id: str
    file: str = ""
    variable: str = ""


def parse_secret(text: str, environ: Mapping[str, str]) -> SecretSpec:
    """Return the secret of one `--secret id=NAME[,src=FILE|env=VARIABLE]`; raises `UsageError`.

    With neither, it is the variable of that name, or else the file of that name.
    """
    import csv

    found = {"id": "", "src": "", "env": "", "type": ""}
    for part in next(csv.reader([text]), []):
        name, equals, value = part.partition("=")
        name = "src" if name.lower() == "source" else name.lower()
        if not equals or name not in found:
            raise UsageError(f"bad --secret {_shown(text)}", code="LA0118", help=_HELP)
        found[name] = value
    if not found["id"] or found["type"] not in ("", "file", "env"):
        raise UsageError(f"bad --secret {_shown(text)}", code="LA0118", help=_HELP)
    if found["type"] == "env" and not found["env"]:
        found["src"], found["env"] = "", found["src"] or found["id"]
    if found["env"]:
        return SecretSpec(found["id"], variable=found["env"])
    if not found["src"] and found["type"] != "file" and found["id"] in environ:
        return SecretSpec(found["id"], variable=found["id"])
    return SecretSpec(found["id"], file=os.path.abspath(found["src"] or found["id"]))


def read_secret(spec: SecretSpec, environ: Mapping[str, str]) -> bytes | None:
    """Return a secret's value, None for a variable that is not set; raises `BuildError`, which never holds it."""
    if spec.variable:
        value = environ.get(spec.variable)
        data = None if value is None else os.fsencode(value)
    else:
        try:
            with open(spec.file, "rb") as file:
                data = file.read(MAX_SECRET + 1)
        except OSError as error:
            raise BuildError(
                f"cannot read the secret {spec.id!r} from {spec.file!r}: {error.strerror}", code="LA0116"
            ) from error
    if data is not None and len(data) > MAX_SECRET:
        raise BuildError(f"the secret {spec.id!r} is larger than 500 KB", code="LA0117")
    return data


def _shown(text: str) -> str:
    """Return the names in a flag that was not understood: what follows them may be the secret itself."""
    return repr(",".join(part.partition("=")[0] + "=…" * ("=" in part) for part in text.split(",")))
