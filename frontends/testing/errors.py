# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with the test of a frontend: one constructor a mistake."""

from __future__ import annotations

from ladle.core.api.errors import BuildError, UsageError


def nothing_said(kind: str, name: str, where: str) -> BuildError:
    """The frontend asks for something that the test did not provide."""
    error = BuildError(f"the test says nothing of the {kind} {name}", code="FE0101", help=f"say it: {where}")
    error.add_note(error.help)  # pytest shows the message and the notes
    return error


def no_file(path: str) -> UsageError:
    """There is no such frontend."""
    return UsageError(f"there is no frontend file {path!r}", code="FE0102", help="name a .py file that holds one")


def not_loaded(path: str, reason: str) -> BuildError:
    """The file cannot be run."""
    return BuildError(f"the frontend {path!r} cannot be loaded: {reason}", code="FE0103", help="mend it there")


def no_graph(what: str) -> BuildError:
    """What is to be compared is no graph."""
    return BuildError(
        f"{what} is no graph", code="FE0104", help="give a Definition, a State, an Image or a BuildResult"
    )


def not_importable(what: str) -> BuildError:
    """A frontend that another process cannot load."""
    return BuildError(
        f"{what} cannot be loaded by another process",
        code="FE0105",
        help="give the path of its file, or a class or a decorated function at the top of a module",
    )
