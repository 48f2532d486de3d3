# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with a registry: one constructor a mistake. No message holds a credential."""

from __future__ import annotations

from collections.abc import Sequence

from ladle.core.api.errors import BuildError


class UnreachableError(BuildError):
    """The registry could not be asked at all: an answer from an earlier build may do."""


def bad_reference(text: str, why: str) -> BuildError:
    """Return the error for a text that is not an image reference."""
    return BuildError(f"{text!r} is not an image reference: {why}", code="LA0201")


def unreachable(registry: str, why: str) -> UnreachableError:
    """Return the error for a registry that does not answer; `registry` is `host:port`."""
    return UnreachableError(
        f"the registry {registry} cannot be reached: {why}",
        code="LA0204",
        help="check the name and the network; with --offline only what is in the store is used",
    )


def unknown_image(repository: str, *, denied: bool = False) -> BuildError:
    """Return the error for a repository that is not there, or not for us to see."""
    notes = ["the registry does not tell a private repository from one that is not there"] if denied else []
    return BuildError(
        f"there is no image {repository}",
        code="LA0202",
        notes=notes,
        help="check the name, or log in to the registry" if denied else "check the name",
    )


def unknown_tag(image: str, tags: Sequence[str]) -> BuildError:
    """Return the error for a tag or digest that a repository does not have; `tags` are those that it has."""
    shown = ", ".join(sorted(tags)[:20]) + (" and more" if len(tags) > 20 else "")
    notes = [f"the repository has: {shown}"] if tags else []
    return BuildError(f"{image} is not in the registry: no such tag or digest", code="LA0203", notes=notes)


def unexpected_status(what: str, status: int, reason: str) -> BuildError:
    """Return the error for an answer that means neither yes nor no."""
    return BuildError(f"{what}: the registry answered {status} {reason}".rstrip(), code="LA0207")


def interrupted(what: str, why: str) -> BuildError:
    """Return the error for a transfer that broke off too often."""
    return BuildError(f"{what}: the transfer broke off again and again: {why}", code="LA0207")


def too_long(what: str, size: int) -> BuildError:
    """Return the error for content beyond the size that its descriptor states."""
    return BuildError(f"{what} is longer than the {size} bytes that its manifest states", code="LA0206")


def too_slow(what: str, seconds: float) -> BuildError:
    """Return the error for a small answer that did not come to its end."""
    return BuildError(f"{what}: the answer did not come to an end in {seconds:g} seconds", code="LA0207")


def refused_credentials(registry: str) -> BuildError:
    """Return the error for credentials that the registry does not take."""
    return BuildError(f"the registry {registry} refused the credentials", code="LA0210", help="log in to it again")


def bad_challenge(registry: str, why: str) -> BuildError:
    """Return the error for a demand to log in that cannot be followed."""
    return BuildError(f"the registry {registry} asks for a log-in that cannot be followed: {why}", code="LA0210")


def not_in_store(image: str) -> BuildError:
    """Return the error for an image that is wanted offline and was never resolved."""
    return BuildError(f"{image} is not in the store", code="LA0209", help="build once without --offline")
