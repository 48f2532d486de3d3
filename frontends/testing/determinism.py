# SPDX-License-Identifier: Apache-2.0
"""Whether a frontend makes the same graph again, in processes that differ in all that must not count.

Those are the hash seed, the order of dicts, the working directory and the time zone.
"""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.frontends.sdk import FunctionFrontend
from ladle.frontends.testing import errors
from ladle.frontends.testing.graphs import first_difference
from ladle.llb.definition import Definition

RUNS = 6
"""How many processes compile: a set of two names comes out in both orders in 31 of 32 checks."""
_PROBE_SECONDS = 60.0
"""How long one of them may take."""
_WHY = "it goes through a set or a dict in an order that changes from run to run: sort it first"


def check_deterministic(frontend: Any, text: str | bytes = b"", *, runs: int = RUNS, **context: Any) -> None:
    """Assert that a frontend makes the same of a text in each of `runs` processes; the error names the op that differs.

    `frontend` is a path, a class, or what `@frontend` returned; `context` are words of `FakeContext`.
    """
    __tracebackhide__ = True
    place = _place(frontend)
    if "path" in place:
        context.setdefault("assets", os.path.dirname(place["path"]))
    context |= {name: os.path.abspath(context[name]) for name in ("directory", "assets") if name in context}
    probes = [_start({**place, "text": text, "context": context, "seed": seed}) for seed in range(1, runs + 1)]
    outcomes = [_finish(probe) for probe in probes]
    for seed, outcome in enumerate(outcomes[1:], 2):
        difference = _compare(outcomes[0], outcome)
        if difference:  # an assert would show it twice
            raise AssertionError(
                f"the frontend is not deterministic (PYTHONHASHSEED=1 against {seed}): {difference}\n  help: {_WHY}"
            )


def _place(frontend: Any) -> dict[str, str]:
    """Return where another process finds the frontend."""
    if isinstance(frontend, str | os.PathLike):
        return {"path": os.path.abspath(frontend)}
    function = frontend.function if isinstance(frontend, FunctionFrontend) else None
    if function is not None and "." not in function.__qualname__:
        return {"path": os.path.abspath(function.__code__.co_filename), "attribute": function.__name__}
    cls = frontend if isinstance(frontend, type) else type(frontend)
    module = inspect.getmodule(cls)
    if function is not None or module is None or "." in cls.__qualname__:
        raise errors.not_importable(repr(frontend))
    if module.__name__.startswith("ladle."):
        return {"module": module.__name__, "attribute": cls.__name__}
    return {"path": os.path.abspath(str(module.__file__)), "attribute": cls.__name__}


def _start(wanted: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from ladle.frontends.testing.probe import main; main()"]
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)
    environment = {**os.environ, "PYTHONHASHSEED": str(wanted["seed"]), "PYTHONPATH": paths}
    if wanted["seed"] % 2 == 0:
        environment |= {"TZ": "Pacific/Kiritimati", "HOME": "/nonexistent"}
    try:
        data = pickle.dumps(wanted)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise errors.not_importable(f"a value of the context ({error})") from None
    pipe = subprocess.PIPE
    place = "/" if wanted["seed"] % 2 == 0 else None
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, cwd=place)
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.close()
    process.stdin = None
    return process


def _finish(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    with process:
        try:
            output, said = process.communicate(timeout=_PROBE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise errors.not_loaded("under test", f"it took more than {_PROBE_SECONDS:.0f} seconds") from None
    if process.returncode != 0:
        raise errors.not_loaded("under test", said.decode(errors="replace").strip().rpartition("\n")[2])
    outcome: dict[str, Any] = pickle.loads(output)
    if isinstance(outcome.get("error"), BuildError):
        raise outcome["error"]
    return outcome


def _compare(one: Mapping[str, Any], two: Mapping[str, Any]) -> str:
    if "failed" in one or "failed" in two:
        said = (one.get("failed", "it compiles"), two.get("failed", "it compiles"))
        return "" if said[0] == said[1] else f"it says\n{said[0]}\nand then\n{said[1]}"
    difference = first_difference(Definition.from_bytes(one["graph"]), Definition.from_bytes(two["graph"]))
    if difference:
        return difference
    for name, config in one["configs"].items():
        if config != two["configs"].get(name):
            return f"the image config of {name} is\n    {config}\nand then\n    {two['configs'].get(name)}"
    return ""
