# SPDX-License-Identifier: Apache-2.0
"""A frontend of ladle: a Python project with a `Procfile` becomes an image, without any other build file."""

from ladle_procfile.frontend import ProcfileFrontend

__all__ = ["ProcfileFrontend"]
