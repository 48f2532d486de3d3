# SPDX-License-Identifier: Apache-2.0
"""The engine: build, solver, store, worker, progress and the command line."""
