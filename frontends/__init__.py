# SPDX-License-Identifier: Apache-2.0
"""Compilers from a build file to the build graph."""
