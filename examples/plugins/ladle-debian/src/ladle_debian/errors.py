# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a reference, a mirror or a bootstrap: one function for each mistake."""

from __future__ import annotations

from ladle.core.api.errors import BuildError

_FORM = "debian://SUITE?mirror=URL&variant=minbase&components=main&include=PACKAGE,…&keyring=FILE"


def bad_reference(ref: str, why: str) -> BuildError:
    """The reference is not as it should be."""
    return BuildError(f"debian://{ref}: {why}", code="DEBIAN0001", help=f"write it as {_FORM}")


def no_release(url: str, why: str) -> BuildError:
    """The mirror does not have the suite, or does not answer."""
    return BuildError(
        f"{url} cannot be read: {why}", code="DEBIAN0002", help="check the suite, mirror=URL, and that the mirror is up"
    )


def offline(ref: str) -> BuildError:
    """The tree is not in the store, and the network may not be used."""
    return BuildError(
        f"debian://{ref} is not in the store, and --offline was given", code="DEBIAN0003", help="leave out --offline"
    )


def moved(ref: str) -> BuildError:
    """The suite is not what it was when it was pinned."""
    return BuildError(
        f"debian://{ref}: the mirror has another release of the suite than the one that is pinned",
        code="DEBIAN0004",
        help="build again to take the new one, or name a snapshot's mirror, which does not change",
    )


def no_architecture(platform: str) -> BuildError:
    """Debian has no such architecture."""
    return BuildError(f"Debian has nothing for {platform}", code="DEBIAN0005", help="give another --platform")


def no_tool(name: str) -> BuildError:
    """The tool that does the work is not installed."""
    return BuildError(f"{name} is not installed on this machine", code="DEBIAN0006", help="apt-get install mmdebstrap")


def failed(ref: str, status: int, said: str) -> BuildError:
    """The bootstrap did not succeed."""
    return BuildError(
        f"debian://{ref}: mmdebstrap failed with status {status}",
        code="DEBIAN0007",
        notes=tuple(said.splitlines()[-20:]),
        help="its last lines are above; packages are named by include=, keys by keyring=",
    )
