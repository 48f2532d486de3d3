# SPDX-License-Identifier: Apache-2.0
"""Image references in full: `alpine` is `docker.io/library/alpine:latest`."""

from __future__ import annotations

from ladle.llb.errors import LLBError

_DEFAULT_REGISTRY = "docker.io"


def normalise_reference(ref: str) -> str:
    """Return a reference with its registry, namespace and tag written out; a digest needs no tag."""
    name, _, digest = ref.partition("@")
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        registry, path = ("docker.io" if first == "index.docker.io" else first), rest
    else:
        registry, path = _DEFAULT_REGISTRY, name
    repository, colon, tag = path.partition(":")
    if registry == _DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    missing = (colon and not tag) or not path or repository.endswith("/")
    if missing or repository != repository.lower() or any(map(str.isspace, ref)):
        raise LLBError(f"image reference {ref!r} is not valid")
    suffix = f":{tag}" if tag else "" if digest else ":latest"
    return f"{registry}/{repository}{suffix}" + (f"@{digest}" if digest else "")
