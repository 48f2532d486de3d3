# SPDX-License-Identifier: Apache-2.0
"""Single flight across processes: one inside, the dead let go, Ctrl-C ends the wait, no file stays."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest

from ladle.core.api.errors import InternalError
from ladle.core.store.store import Store


def test_one_at_a_time_and_no_file_stays(store: Store, spawn: Any) -> None:
    code = (
        "for _ in range(20):\n"
        "    with store.single_flight('key'):\n"
        "        os.mkdir(store.root + '/tmp/inside')\n"
        "        time.sleep(0.002)\n"
        "        os.rmdir(store.root + '/tmp/inside')\n"
    )
    processes = [spawn(code) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert os.listdir(f"{store.root}/locks") == []


def test_keys_are_apart(store: Store) -> None:
    with store.single_flight("one"):
        assert not store.single_flight("one").try_enter()
        other = store.single_flight("two")
        assert other.try_enter()
        other.leave()
    again = store.single_flight("one")
    assert again.try_enter()
    again.leave()


def test_killed_owner_lets_go(store: Store, spawn: Any) -> None:
    process = spawn("with store.single_flight('key'):\n    print('in', flush=True)\n    time.sleep(60)")
    assert process.stdout.readline() == "in\n"
    flight = store.single_flight("key")
    assert not flight.try_enter()
    process.kill()
    with flight:
        assert process.wait() == -signal.SIGKILL


def test_files_of_the_dead_are_swept_and_held_ones_are_not(store: Store, spawn: Any) -> None:
    code = (
        "store.snapshots.commit(store.snapshots.allocate())\n"
        "with store.single_flight('b'):\n"
        "    os.kill(os.getpid(), 9)"
    )
    spawn(code).wait()
    assert len(os.listdir(f"{store.root}/locks")) == 2
    with store.single_flight("a"):
        store.sweep_list()
        assert len(os.listdir(f"{store.root}/locks")) == 1
    assert os.listdir(f"{store.root}/locks") == []


def test_interrupt_ends_the_wait(store: Store, spawn: Any) -> None:
    code = (
        "print('waits', flush=True)\ntry:\n    with store.single_flight('key'):\n        print('in')\n"
        "except KeyboardInterrupt:\n    print('interrupted')\n"
    )
    with store.single_flight("key"):
        process = spawn(code)
        assert process.stdout.readline() == "waits\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[0] == "interrupted\n"


def test_threads_exclude_each_other(store: Store) -> None:
    inside: list[int] = []

    def work() -> None:
        for _ in range(10):
            with store.single_flight("key"):
                inside.append(1)
                assert len(inside) == 1
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside == []


def test_misuse_is_a_bug(store: Store) -> None:
    flight = store.single_flight("key")
    with pytest.raises(InternalError):
        flight.leave()
    with flight, pytest.raises(InternalError):
        flight.try_enter()
