# SPDX-License-Identifier: Apache-2.0
"""Rules that BuildKit does not have; their names begin with `ladle/`."""
