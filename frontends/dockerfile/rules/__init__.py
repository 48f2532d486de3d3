# SPDX-License-Identifier: Apache-2.0
"""Checks of Dockerfiles: one rule a file, each a pass over the tree. `table.py` lists them, `run.py` runs them."""
