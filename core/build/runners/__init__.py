# SPDX-License-Identifier: Apache-2.0
"""Runners: how each kind of op is keyed and executed, between the solver and the worker."""
