# SPDX-License-Identifier: Apache-2.0
"""File operations: copy, mkfile, mkdir, rm and symlink, run by the worker on snapshots."""
