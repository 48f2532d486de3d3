# SPDX-License-Identifier: Apache-2.0
"""The low-level build graph: pure data, no input or output."""
