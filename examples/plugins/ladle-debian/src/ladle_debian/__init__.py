# SPDX-License-Identifier: Apache-2.0
"""A source of ladle: root file systems of Debian and its like, made by mmdebstrap from a mirror, without a registry."""

from ladle_debian.source import DebianSource

__all__ = ["DebianSource"]
