# SPDX-License-Identifier: Apache-2.0
"""The files of an installed frontend: what has to be as it was for a compiled result of its to be taken again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from ladle.core.build.reads import Read, stamp_read

_MAX_FILES = 5000
_NOT_ITS_OWN = ("__pycache__",)


def file_reads(frontend: type) -> tuple[Read, ...]:
    """Return the reads of a frontend's module, or of the whole package that this is in; data files count too."""
    module = sys.modules.get(frontend.__module__)
    file = getattr(module, "__file__", None) or ""
    directory = _package_directory(frontend.__module__)
    if not directory:
        return (stamp_read(file),) if file else ()
    return tuple(stamp_read(path) for path in _files(directory))


def _package_directory(module: str) -> str:
    """Return the directory of the outermost package that has a file; "" for a module that is in none."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        package = sys.modules.get(".".join(parts[:count]))
        if package is not None and hasattr(package, "__path__") and package.__file__:
            return os.path.dirname(package.__file__)
    return ""


def _files(directory: str) -> Iterator[str]:
    """Return the files of a package in a stable order; of a very large one the first so many."""
    count = 0
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if name not in _NOT_ITS_OWN)
        for name in sorted(names):
            if count == _MAX_FILES:
                return
            count += 1
            yield os.path.join(folder, name)
