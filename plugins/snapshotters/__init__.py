# SPDX-License-Identifier: Apache-2.0
"""How layers become a tree."""
