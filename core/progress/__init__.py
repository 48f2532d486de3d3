# SPDX-License-Identifier: Apache-2.0
"""Events of a build and how they are shown."""
