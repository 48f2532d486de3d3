# SPDX-License-Identifier: Apache-2.0
"""Loading a frontend for a test: from its file, in this process, with the modules that lie beside it."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.frontends.process.load import frontend_of
from ladle.frontends.testing import errors


def load_frontend(path: str | os.PathLike[str]) -> Any:
    """Return the one frontend of a Python file, made."""
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            source = file.read()
    except OSError:
        raise errors.no_file(name) from None
    module = ModuleType(f"ladle_frontend_{os.path.basename(name).removesuffix('.py')}")
    module.__file__ = os.path.abspath(name)
    sys.modules[module.__name__] = module
    sys.path.insert(0, os.path.dirname(module.__file__))
    try:
        exec(compile(source, module.__file__, "exec"), module.__dict__)
    except BuildError:
        raise
    except Exception as error:
        raise errors.not_loaded(name, f"{type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(os.path.dirname(module.__file__))
    return frontend_of(module, name)
