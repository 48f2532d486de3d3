# SPDX-License-Identifier: Apache-2.0
"""`-o type=deb`: an exporter of ladle that writes the files of a build as a Debian package."""

from ladle_deb.exporter import DebExporter

__all__ = ["DebExporter"]
