# SPDX-License-Identifier: Apache-2.0
"""The life of one build, from request to outputs."""
