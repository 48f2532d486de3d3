# SPDX-License-Identifier: Apache-2.0
"""What of the machine a Python program needs to run: the interpreter, its standard library, the C library, ladle."""

from __future__ import annotations

import functools
import glob
import os
import sys
from collections.abc import Sequence

LIBRARY = "/ladle/lib"
_PACKAGES = ("msgpack", "lark")
_LADLE = ("llb", "grammars", "frontends", "core/__init__.py", "core/api", "core/version.py")
_MACHINE = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/etc/alternatives", "/etc/ld.so.cache")


def python(code: str) -> list[str]:
    """Return the command that runs `code` with ladle's contracts importable, and nothing of any site-packages."""
    return [_executable(), "-I", "-S", "-c", f"import sys; sys.path.insert(0, {LIBRARY!r}); {code}"]


def _executable() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


@functools.cache
def files(*, machine: bool) -> Sequence[tuple[str, str]]:
    """Return pairs of a path here and its path in the sandbox; `machine`: all of the machine's programs too.

    A symbolic link is to be repeated, not followed.
    """
    found: dict[str, str] = {}
    library = os.path.dirname(os.path.realpath(os.__file__))
    version = os.path.basename(library)
    for path in _MACHINE if machine else _c_library():
        if os.path.lexists(path):
            found[path] = path
    for path in (_executable(), library, f"{sys.base_exec_prefix}/{sys.platlibdir}/{version}"):
        found[path] = path
    found |= {path: path for path in glob.glob(f"{sys.base_prefix}/lib/libpython*")}
    found |= ladle_files()
    kept = [path for path in found if os.path.lexists(path) and not _inside(path, found)]
    return [(path, found[path]) for path in sorted(kept)]


def _inside(path: str, others: dict[str, str]) -> bool:
    """Say whether a path is there already, by a directory above it."""
    if others[path] != path:
        return False
    return any(
        path != other and path.startswith(other + "/") and others[other] == other and not os.path.islink(other)
        for other in others
    )


def _c_library() -> list[str]:
    """Return the directories of the C library and its loader, with the links that lead to them."""
    multiarch = getattr(sys.implementation, "_multiarch", "")
    places = [f"/usr/lib/{multiarch}", f"/lib/{multiarch}"] if multiarch else []
    if not any(os.path.isdir(place) for place in places):
        places = ["/usr/lib", "/lib"]
    paths = [*places, "/usr/lib64", "/lib64", "/etc/ld.so.cache"]
    tops = [top for top in ("/lib", "/lib64") if os.path.islink(top)]
    return [path for path in paths if not any(path.startswith(f"{top}/") or path == top for top in tops)] + tops


def ladle_files() -> dict[str, str]:
    """Return ladle's own files that a frontend may import, and the packages that those need."""
    import ladle.llb

    top = os.path.dirname(os.path.realpath(ladle.llb.__path__[0]))
    site = os.path.dirname(ladle.llb.__path__[0])
    found = {}
    for name in _LADLE:
        place = f"{top}/{name}"
        if not os.path.exists(place):
            place = os.path.realpath(f"{site}/{name}")
        found[place] = f"{LIBRARY}/ladle/{name}"
    for name in _PACKAGES:
        spec = _package(name)
        if spec:
            found[spec] = f"{LIBRARY}/{name}"
    return found


def _package(name: str) -> str:
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec(name)
    return os.path.dirname(spec.origin) if spec is not None and spec.origin else ""
