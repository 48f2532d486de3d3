# SPDX-License-Identifier: Apache-2.0
"""Sizes beyond which a definition that came from elsewhere is refused."""

from __future__ import annotations

from typing import Final

MAX_DEFINITION_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one encoded definition, source texts included."""
MAX_OPS: Final = 1_000_000
"""Vertices in one definition."""
MAX_OP_BYTES: Final = 16 * 1024 * 1024
"""Bytes of one encoded op; the contents of a `MkFile` are the only thing that comes near."""
MAX_RESULTS: Final = 10_000
"""Named results of one definition."""
MAX_INPUTS: Final = 100_000
"""Inputs of one op (a merge of many layers, an exec with many mounts)."""
MAX_ITEMS: Final = 100_000
"""Entries of one list field: arguments, variables, mounts, actions, patterns, ranges."""
MAX_TEXT_CHARS: Final = 4 * 1024 * 1024
"""Characters of one text."""
MAX_ATTRS: Final = 1_000
"""Attributes of one source or build op."""
MAX_ATTR_CHARS: Final = 1024 * 1024
"""Characters of one attribute's value."""
MAX_SOURCES: Final = 10_000
"""Source files that locations refer to."""
MAX_INDEX: Final = 2**31 - 1
"""The largest input or output index that can be written down."""
MAX_TOTAL_ITEMS: Final = 16_000_000
"""Items of all lists and maps of one encoded value together."""
MAX_RANGES: Final = 1_000_000
"""Source ranges of one definition."""
