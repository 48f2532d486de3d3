# SPDX-License-Identifier: Apache-2.0
"""The version of ladle."""

VERSION = "0.1.0"
