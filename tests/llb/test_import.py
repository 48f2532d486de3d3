# SPDX-License-Identifier: Apache-2.0
"""Importing `ladle.llb` costs nothing until a name is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ladle import llb


def test_the_package_loads_nothing_by_itself() -> None:
    program = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "import ladle.llb\n"
        "print(*(name for name in ('dataclasses', 'msgpack', 're', 'typing') if name in sys.modules))"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    assert found.stdout.split() == []


def test_every_promised_name_is_there() -> None:
    for home, names in llb._HOMES.items():
        for name in names:
            assert getattr(llb, name).__module__.startswith("ladle.llb"), (home, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = llb.nothing
