# SPDX-License-Identifier: Apache-2.0
"""The ssh agents that a build may use: what `--ssh` names, and how steps speak with them."""
