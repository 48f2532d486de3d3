# SPDX-License-Identifier: Apache-2.0
"""The classes of error, and that they survive a pipe."""

from __future__ import annotations

import pickle

import pytest

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Severity
from ladle.core.api.errors import BuildError, InternalError, UsageError


@pytest.mark.parametrize(("kind", "code"), [(BuildError, 1), (UsageError, 2)])
def test_exit_codes(kind: type[BuildError], code: int) -> None:
    assert kind("x").exit_code == code


def test_what_an_error_holds() -> None:
    error = BuildError("it broke", code="LA0999", notes=["a"], help="b")
    assert (error.message, error.code, error.notes, error.help, str(error)) == (
        "it broke",
        "LA0999",
        ("a",),
        "b",
        "it broke",
    )
    assert BuildError("x").code == "LA0001"


@pytest.mark.parametrize("kind", [BuildError, UsageError])
def test_errors_are_pickled_whole(kind: type[BuildError]) -> None:
    error = kind("it broke", code="LA0999", notes=["a"], help="b")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert vars(copy) == vars(error)


def test_our_own_mistakes_are_no_build_errors() -> None:
    assert not issubclass(InternalError, BuildError)


def test_diagnostics_as_an_error() -> None:
    found = [Diagnostic(code=f"XX000{n}", severity=Severity.ERROR, message=f"m{n}", notes=("n",)) for n in (1, 2)]
    error = DiagnosticError(found)
    assert (error.message, error.code, error.notes, error.diagnostics) == ("m1", "XX0001", ("n",), tuple(found))
