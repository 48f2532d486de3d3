# SPDX-License-Identifier: Apache-2.0
"""The process of one compile in a check for determinism: asked on stdin, answers on stdout, both pickled."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import pickle
import random
import sys
from collections.abc import Mapping
from typing import Any

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.errors import BuildError
from ladle.core.api.platforms import format_platform
from ladle.core.api.snippets import render
from ladle.frontends.testing.graphs import graph_of
from ladle.frontends.testing.load import load_frontend
from ladle.frontends.testing.run import compiled


def main() -> None:
    """Compile once; what the frontend prints goes to stderr."""
    wanted = pickle.load(sys.stdin.buffer)
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with output:
        pickle.dump(outcome(wanted), output)


def outcome(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the graph and configs, or what the frontend said of the text."""
    order = random.Random(wanted["seed"])
    context = {name: _shuffled(value, order) for name, value in wanted["context"].items()}
    try:
        result = compiled(_frontend(wanted), wanted["text"], **context)
    except DiagnosticError as error:
        return {"failed": "\n\n".join(render(each) for each in error.diagnostics)}
    except BuildError as error:
        return {"error": error}
    configs = {format_platform(image.platform): json.dumps(image.config) for image in result.images}
    return {"graph": graph_of(result).to_bytes(), "configs": configs}


def _frontend(wanted: Mapping[str, Any]) -> Any:
    if "module" in wanted:
        return getattr(importlib.import_module(wanted["module"]), wanted["attribute"])
    if "attribute" not in wanted:
        return load_frontend(wanted["path"])
    spec = importlib.util.spec_from_file_location("ladle_frontend_probed", wanted["path"])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return getattr(module, wanted["attribute"])


def _shuffled(value: Any, order: random.Random) -> Any:
    """Return a dict in another order; an order that means something is not a dict's."""
    if not isinstance(value, dict):
        return value
    names = list(value)
    order.shuffle(names)
    return {name: value[name] for name in names}
