# SPDX-License-Identifier: Apache-2.0
"""What stands after `debian://`: a suite, perhaps pinned by the digest of its release file, and options as a query."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from ladle.core.api.platforms import format_platform
from ladle.llb.ops import Platform
from ladle_debian import errors

MIRROR = "http://deb.debian.org/debian"
VARIANTS = ("minbase", "apt", "essential", "required", "important", "standard", "buildd", "extract", "custom")
_SUITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]*", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_/-]*", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_KEYRING = re.compile(r"/[A-Za-z0-9./_+-]+", re.ASCII)
_ARCHITECTURES = {
    ("386", ""): "i386",
    ("arm", "v5"): "armel",
    ("arm", "v6"): "armel",
    ("arm", "v7"): "armhf",
    ("ppc64le", ""): "ppc64el",
    ("mips64le", ""): "mips64el",
}
_SAME = frozenset(["amd64", "arm64", "riscv64", "s390x", "loong64"])


@dataclass(frozen=True)
class Reference:
    """A root file system as the user wants it."""

    suite: str
    mirror: str = MIRROR
    variant: str = "minbase"
    components: tuple[str, ...] = ("main",)
    include: tuple[str, ...] = ()
    keyring: str = ""
    """A file on this machine; "" for what apt trusts."""
    trusted: bool = False
    """Whether signatures do not matter."""
    digest: str = ""

    def pinned(self, digest: str) -> str:
        """Return the reference with the digest of its release file: the same text for the same wishes."""
        options = {
            "mirror": self.mirror,
            "variant": self.variant,
            "components": ",".join(self.components),
            "include": ",".join(self.include),
            "keyring": self.keyring,
            "trusted": "yes" if self.trusted else "",
        }
        query = "&".join(f"{name}={quote(value, safe='/:,')}" for name, value in options.items() if value)
        return f"{self.suite}@{digest}?{query}"

    @property
    def sources(self) -> str:
        """A line of `sources.list`."""
        options = "[trusted=yes] " if self.trusted else f"[signed-by={self.keyring}] " if self.keyring else ""
        components = "" if self.suite.endswith("/") else f" {' '.join(self.components)}"
        return f"deb {options}{self.mirror} {self.suite}{components}"

    @property
    def release(self) -> str:
        """Where the suite's release file is, but for its name."""
        return f"{self.mirror}/{self.suite}" if self.suite.endswith("/") else f"{self.mirror}/dists/{self.suite}/"


def parse(ref: str) -> Reference:
    """Return what a text means; raises `BuildError` for one that means nothing. Nothing of it is ever a tool's flag."""
    place, _, query = ref.partition("?")
    suite, _, digest = place.partition("@")
    if not _SUITE.fullmatch(suite) or ".." in suite:
        raise errors.bad_reference(ref, f"{suite!r} is no suite")
    if digest and not _DIGEST.fullmatch(digest):
        raise errors.bad_reference(ref, f"{digest!r} is no digest")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=16)
    except ValueError:
        raise errors.bad_reference(ref, "what follows ? is no list of NAME=VALUE") from None
    options = dict(pairs)
    unknown = sorted(set(options) - {"mirror", "variant", "components", "include", "keyring", "trusted"})
    if unknown or len(options) != len(pairs):
        raise errors.bad_reference(ref, f"{unknown[0]!r} is unknown" if unknown else "an option is given twice")
    variant, trusted, keyring = (options.get(name, "") for name in ("variant", "trusted", "keyring"))
    if variant and variant not in VARIANTS:
        raise errors.bad_reference(ref, f"variant={variant} is none of {', '.join(VARIANTS)}")
    if trusted not in ("", "yes"):
        raise errors.bad_reference(ref, "trusted= may only be yes")
    if keyring and not _KEYRING.fullmatch(keyring):
        raise errors.bad_reference(ref, f"keyring={keyring} is no absolute path")
    return Reference(
        suite=suite,
        mirror=_mirror(ref, options.get("mirror", MIRROR)),
        variant=variant or "minbase",
        components=_words(ref, "components", options.get("components", "main")),
        include=tuple(sorted(_words(ref, "include", options.get("include", "")))),
        keyring=keyring,
        trusted=bool(trusted),
        digest=digest,
    )


def architecture(platform: Platform) -> str:
    """Return what Debian calls a platform; raises `BuildError` where it has no such."""
    name = platform.architecture
    if platform.os != "linux":
        raise errors.no_architecture(format_platform(platform))
    if name in _SAME:
        return name
    variant = platform.variant if name == "arm" else ""
    found = _ARCHITECTURES.get((name, variant or ("v7" if name == "arm" else "")))
    if found is None:
        raise errors.no_architecture(format_platform(platform))
    return found


def _mirror(ref: str, text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname or re.search(r"[\s\[\]]", text):
        raise errors.bad_reference(ref, "mirror= is no http:// or https:// address")
    if url.username is not None or url.query or url.fragment:
        raise errors.bad_reference("…", "mirror= may have no user, ? or #: it is shown in names and logs")
    return text.rstrip("/")


def _words(ref: str, name: str, text: str) -> tuple[str, ...]:
    words = tuple(word for word in text.split(",") if word)
    for word in words:
        if not _WORD.fullmatch(word):
            raise errors.bad_reference(ref, f"{name}= has {word!r}")
    return words
