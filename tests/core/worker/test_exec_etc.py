# SPDX-License-Identifier: Apache-2.0
"""The generated /etc/hosts and /etc/resolv.conf."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladle.core.worker.exec_etc import hosts_text, resolv_text

PLAIN = "search example.org\nnameserver 10.0.0.1\n"
STUB = "nameserver 127.0.0.53\noptions edns0\n"
MIXED = "# local\nnameserver 127.0.0.1\nnameserver ::1\nnameserver 10.0.0.1\nnameserver ::1%lo\nsearch x\n"


def test_hosts() -> None:
    assert hosts_text("name", [("a", "1.2.3.4"), ("b", "::2")]) == (
        "127.0.0.1\tlocalhost name\n::1\tlocalhost ip6-localhost ip6-loopback\n1.2.3.4\ta\n::2\tb\n"
    )


@pytest.mark.parametrize(
    ("network", "text", "behind", "expected"),
    [
        ("sandbox", PLAIN, None, PLAIN),
        ("host", PLAIN, None, PLAIN),
        ("none", PLAIN, None, PLAIN),
        ("sandbox", STUB, PLAIN, PLAIN),
        ("sandbox", STUB, None, STUB),
        ("host", STUB, PLAIN, STUB),
        ("none", STUB, None, "options edns0\n"),
        ("sandbox", MIXED, PLAIN, "# local\nnameserver 10.0.0.1\nsearch x\n"),
        ("sandbox", "nameserver 127.0.0.1\n", None, "nameserver 127.0.0.1\n"),
        ("host", MIXED, None, MIXED),
        ("sandbox", None, None, ""),
    ],
)
def test_resolver(tmp_path: Path, network: str, text: str | None, behind: str | None, expected: str) -> None:
    for name, content in (("resolv.conf", text), ("systemd", behind)):
        if content is not None:
            (tmp_path / name).write_text(content)
    found = resolv_text(network, path=str(tmp_path / "resolv.conf"), systemd_path=str(tmp_path / "systemd"))
    assert found == expected
