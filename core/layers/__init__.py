# SPDX-License-Identifier: Apache-2.0
"""Layers as tar archives: writing, diffing, applying."""
