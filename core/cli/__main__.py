# SPDX-License-Identifier: Apache-2.0
"""`python -m ladle.core.cli`: the command line."""

import sys

from ladle.core.cli.main import main

sys.exit(main())
