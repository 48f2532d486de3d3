# SPDX-License-Identifier: Apache-2.0
"""Which frontend compiles a build file (DESIGN section 4).

In this order: `--syntax`, `BUILDKIT_SYNTAX`, `# syntax=`, the file's name, Dockerfile.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ladle.core.api.errors import UsageError
from ladle.core.registry import near

if TYPE_CHECKING:
    from ladle.core.registry import Registry

_DIRECTIVE = re.compile(r"^\s*(?:#|//|--|;)\s*syntax\s*=\s*(\S+)", re.IGNORECASE)
_OTHER_DIRECTIVE = re.compile(r"^#\s*[a-zA-Z][a-zA-Z0-9]*\s*=")
_DOCKERFILE_ALIAS = re.compile(
    r"(?:docker\.io/)?docker/dockerfile(?::(?:1|latest)[\w.-]*)?(?:@sha256:[0-9a-f]{64})?|dockerfile\.v0"
)
_OWN = "ladle/"
"""What may stand before the name of an installed frontend, so that it looks like the images that others name."""
DEFAULT = "dockerfile"


def directive(head: bytes) -> str:
    """Return the first word of a `# syntax=` directive at the top of a build file, "" without one.

    A shebang line may stand before it, and other parser directives (`# escape=`) as Docker allows.
    """
    lines = head.removeprefix(b"\xef\xbb\xbf").decode(errors="replace").splitlines()
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    for line in lines:
        match = _DIRECTIVE.match(line)
        if match:
            return match[1]
        if not _OTHER_DIRECTIVE.match(line):
            return ""
    return ""


def pick_frontend(registry: Registry, *, path: str, head: bytes, forced: str) -> str:
    """Return the name of the installed frontend; raises `UsageError` naming every candidate that was tried."""
    wanted = forced or directive(head)
    names = registry.names("frontend")
    if not wanted:
        for name in names:
            if registry.load("frontend", name).detect(path, head):
                return name
        return DEFAULT
    if wanted.removeprefix(_OWN) in names:
        return wanted.removeprefix(_OWN)
    if _DOCKERFILE_ALIAS.fullmatch(wanted):
        return DEFAULT
    raise UsageError(
        f"there is no frontend {wanted!r}",
        code="LA0140",
        notes=[f"tried: an installed frontend ({', '.join(names)}), an alias of the built-in Dockerfile frontend"],
        help=f"frontends from files and images are not supported yet{near(wanted, names)}",
    )
