# SPDX-License-Identifier: Apache-2.0
"""`python -m ladle.core.worker FD`: the worker process, with its control socket as the given descriptor."""

from __future__ import annotations

import socket
import sys

from ladle.core.worker.front import Front


def main() -> None:
    """Run the front on the control socket named on the command line."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    Front(control).run()


if __name__ == "__main__":
    main()
