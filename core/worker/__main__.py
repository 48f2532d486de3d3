# SPDX-License-Identifier: Apache-2.0
"""`python -m ladle.core.worker FD`: the worker process, with its control socket as the given descriptor."""

from __future__ import annotations

import os
import socket
import sys

from ladle.core.worker.front import Front


def main() -> None:
    """Run the front on the control socket named on the command line."""
    number = int(sys.argv[1])
    os.closerange(number + 1, os.sysconf("SC_OPEN_MAX"))
    control = socket.socket(fileno=number)
    control.set_inheritable(False)
    Front(control).run()


if __name__ == "__main__":
    main()
