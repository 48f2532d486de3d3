# SPDX-License-Identifier: Apache-2.0
"""Which frontend compiles a build file (DESIGN section 4).

In this order: `--syntax`, `BUILDKIT_SYNTAX`, `# syntax=`, the file's name, Dockerfile.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ladle.core.api.errors import BuildError

if TYPE_CHECKING:
    from ladle.core.registry import Registry

Warn = Callable[[BuildError], None]

_DIRECTIVE = re.compile(r"^\s*(?:#|//|--|;)\s*syntax\s*=\s*(\S.*)", re.IGNORECASE)
_OTHER_DIRECTIVE = re.compile(r"^\s*(?:#|//|--|;)\s*[a-zA-Z][a-zA-Z0-9]*\s*=|^\s*(?:\{|---)\s*$")
_KEY = re.compile(r"""^\s*\{?\s*(?:"syntax"|'syntax'|syntax)\s*:\s*("[^"]*"|'[^']*'|[^\s#,][^#,]*)""")
_DOCKERFILE_ALIAS = re.compile(
    r"(?:docker\.io/)?docker/dockerfile(?::(?:1|latest)[\w.-]*)?(?:@sha256:[0-9a-f]{64})?|dockerfile\.v0"
)
_OWN = "ladle/"
"""What may stand before the name of an installed frontend, so that it looks like the images that others name."""
DEFAULT = "dockerfile"


def directive(head: bytes) -> str:
    """Return the value of a `# syntax=` directive at the top of a build file, "" without one.

    It is a comment of any style, or the first key of a JSON or YAML file. A shebang line may stand before it, and other
    parser directives (`# escape=`) as Docker allows. The value's first word names the frontend, the rest are arguments.
    """
    lines = head.removeprefix(b"\xef\xbb\xbf").decode(errors="replace").splitlines()
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    for line in lines:
        if match := _DIRECTIVE.match(line):
            return match[1].strip()
        if match := _KEY.match(line):
            return match[1].strip("\"' \t")
        if not _OTHER_DIRECTIVE.match(line):
            return ""
    return ""


def pick_frontend(registry: Registry, *, path: str, head: bytes, wanted: str, warn: Warn) -> str:
    """Return the name of the installed frontend, "" where none is called `wanted`; without that one by the file.

    Ladle's own come first, and strangers' only where none of those is it. `warn` gets what is wrong with one of them.
    """
    if not wanted:
        for name in registry.builtin("frontend"):
            if registry.load("frontend", name).detect(path, head):
                return name
        return _detected(registry, path, head, warn) or DEFAULT
    own = wanted.removeprefix(_OWN)
    if own in registry.builtin("frontend"):
        return own
    if _DOCKERFILE_ALIAS.fullmatch(wanted):
        return DEFAULT
    return own if registry.has("frontend", own) else ""


def _detected(registry: Registry, path: str, head: bytes, warn: Warn) -> str:
    """Return the name of the first stranger's frontend whose file it is, ""; one that is broken is passed over."""
    for entry in registry.strangers("frontend"):
        if entry.name in registry.builtin("frontend"):
            continue
        try:
            if registry.load_entry(entry).detect(path, head):
                return entry.name
        except BuildError as error:
            warn(error)
        except Exception as error:
            warn(
                BuildError(
                    f"the frontend {entry.name!r} of {entry.origin} cannot say whether {path} is its own: "
                    f"{type(error).__name__}: {error}",
                    code="LA0186",
                    help=f"upgrade or uninstall {entry.origin.distribution}",
                )
            )
    return ""
