# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a `ladle frontend` command: one constructor a mistake."""

from __future__ import annotations

from collections.abc import Sequence

from ladle.core.api.errors import BuildError, UsageError


def no_program(word: str) -> UsageError:
    """What is to be tried is neither a file nor a command."""
    return UsageError(
        f"there is no frontend {word!r}", code="FE0120", help="name a Python file, or a command with its arguments"
    )


def no_build_file(path: str) -> UsageError:
    """The build file to compile cannot be read."""
    return UsageError(f"cannot read the build file {path!r}", code="FE0121", help="name another with -f")


def bad_name(name: str) -> UsageError:
    """A frontend cannot be called so."""
    return UsageError(
        f"{name!r} is no name of a frontend", code="FE0122", help="a lower-case letter, then letters, digits and _"
    )


def exists(path: str) -> UsageError:
    """A file would be overwritten."""
    return UsageError(f"{path!r} is there already", code="FE0123", help="take another name, or remove it")


def which_file(found: Sequence[str]) -> UsageError:
    """It is not clear which frontend is meant."""
    said = ", ".join(found) or "none"
    return UsageError("which frontend?", code="FE0124", notes=[f"in this directory: {said}"], help="name its file")


def no_pytest() -> BuildError:
    """The tests cannot be run."""
    return BuildError("pytest is not installed", code="FE0125", help="pip install pytest")


def no_test(path: str) -> UsageError:
    """There is nothing to run."""
    return UsageError(f"there is no test {path!r}", code="FE0126", help="write one: docs/tutorial.md shows how")


def no_answer(name: str, call: str, said: str) -> BuildError:
    """The frontend cannot be asked that."""
    return BuildError(
        f"the frontend {name!r} does not answer the call {call!r}", code="FE0127", notes=[said], help="see its docs"
    )
