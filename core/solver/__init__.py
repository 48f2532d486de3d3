# SPDX-License-Identifier: Apache-2.0
"""Decides by cache keys what must run, and runs it."""
