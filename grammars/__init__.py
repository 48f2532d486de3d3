# SPDX-License-Identifier: Apache-2.0
"""The definitions of the languages: data only."""
