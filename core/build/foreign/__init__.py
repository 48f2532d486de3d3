# SPDX-License-Identifier: Apache-2.0
"""Frontends that come with a build: found, started in their sandbox, served, never trusted (DESIGN section 4)."""
