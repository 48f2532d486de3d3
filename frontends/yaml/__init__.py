# SPDX-License-Identifier: Apache-2.0
"""The YAML frontend: a declarative build file (docs/yaml.md)."""
