# SPDX-License-Identifier: Apache-2.0
"""Mistakes in OCI documents and layouts: one constructor each."""

from __future__ import annotations

from ladle.core.api.errors import BuildError


def malformed(what: str, why: str) -> BuildError:
    """Return the error for a document that does not follow the specification."""
    return BuildError(f"{what} is malformed: {why}", code="LA0208")


def too_large(what: str, size: int, limit: int) -> BuildError:
    """Return the error for a document beyond its limit."""
    return BuildError(f"{what} has {size} bytes, more than the {limit} allowed", code="LA0208")


def unsupported_type(what: str, media_type: str) -> BuildError:
    """Return the error for a media type that is not an image's."""
    notes = []
    if media_type.startswith("application/vnd.docker.distribution.manifest.v1"):
        notes.append("Docker's schema 1 went out of use in 2017; push the image again with a current tool")
    return BuildError(f"{what} has the media type {media_type!r}, which is not an image's", code="LA0216", notes=notes)


def missing_platform(image: str, wanted: str, available: list[str]) -> BuildError:
    """Return the error for an index without the wanted platform."""
    there = ", ".join(available) or "none"
    return BuildError(
        f"{image} has no image for {wanted}",
        code="LA0205",
        notes=[f"it has: {there}"],
        help="choose one of these with --platform" if available else "",
    )


def digest_mismatch(what: str, got: str, wanted: str) -> BuildError:
    """Return the error for content that is not what its digest says."""
    return BuildError(f"{what}: digest mismatch: got {got}, expected {wanted}", code="LA0206")


def bad_layout(path: str, why: str) -> BuildError:
    """Return the error for a directory that is not an OCI layout, or a damaged one."""
    return BuildError(f"OCI layout {path}: {why}", code="LA0212")


def no_such_image(path: str, wanted: str, available: list[str]) -> BuildError:
    """Return the error for a tag or digest that a layout does not have."""
    there = ", ".join(available) or "no tags"
    return BuildError(f"OCI layout {path} has no image {wanted!r}", code="LA0248", notes=[f"it has: {there}"])
