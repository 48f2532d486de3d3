# SPDX-License-Identifier: Apache-2.0
"""The built-in plugins, registered as a stranger's would be."""
