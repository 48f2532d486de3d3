# SPDX-License-Identifier: Apache-2.0
"""Paths inside a tree, as BuildKit's client writes them: absolute, clean, slashes forward."""

from __future__ import annotations

from posixpath import normpath


def join(directory: str, path: str) -> str:
    """Return `path` made absolute under `directory` and cleaned; `..` stops at the root."""
    whole = path if path.startswith("/") else f"{directory}/{path}"
    return "/" + normpath("/" + whole).lstrip("/")


def join_keeping_slash(directory: str, path: str) -> str:
    """Return `join`, with the final slash (or `/.`) that says that a destination is a directory."""
    whole = join(directory, path)
    if path.endswith("/") and whole != "/":
        return whole + "/"
    if path.endswith("/."):
        return whole.rstrip("/") + "/."
    return whole
