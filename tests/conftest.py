# SPDX-License-Identifier: Apache-2.0
"""A directory for the whole run that other users can read too, unlike pytest's own, and its removal."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile

import pytest
from hypothesis import HealthCheck, settings

from tests.support.users import remove_users, run_directory_prefix

_VARIABLE = "LADLE_TEST_RUN"
_OWNER = pytest.StashKey[str]()

settings.register_profile("ladle", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ladle")  # on a busy machine time says nothing about a test


def pytest_configure(config: pytest.Config) -> None:
    """Make the directory in the process that controls the run; its workers inherit the variable.

    A run in the background of a shell begins with SIGINT ignored, and so would every process of the tests.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if _VARIABLE not in os.environ:
        directory = tempfile.mkdtemp(prefix=run_directory_prefix())
        os.chmod(directory, 0o755)
        os.environ[_VARIABLE] = directory
        os.environ["XDG_CACHE_HOME"] = f"{directory}/cache"
        config.stash[_OWNER] = directory


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove it, with the users that this run and killed ones have made."""
    directory = config.stash.get(_OWNER, "")
    if directory:
        remove_users(directory)
        subprocess.run(["rm", "-rf", "--one-file-system", directory], check=False)
        del os.environ[_VARIABLE]
