# SPDX-License-Identifier: Apache-2.0
"""ladle/SecretInContext."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ladle.core.api.errors import BuildError
from ladle.core.api.patterns import Matcher, clean
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding
from ladle.frontends.dockerfile.rules.secrets_used_in_arg_or_env import is_secret_name

_ASSIGNED = re.compile(r"^\s*(?:export\s+)?(\w+)\s*=\s*[\"']?[^\s\"']", re.MULTILINE)
_TOKEN = re.compile(r"(?:_authToken|_auth|_password)\s*=\s*[^\s$]|^\s*password\s*[=:]\s*\S", re.MULTILINE)
_CREDENTIALS = re.compile(
    r"\bpassword\s+\S|\baws_secret_access_key\s*=\s*\S|\"auth\"\s*:\s*\"[^\"]|://[^/\s:]+:[^@\s]+@"
)


def _has_secret_variables(text: str) -> bool:
    return any(is_secret_name(name) for name in _ASSIGNED.findall(text))


_FILES: dict[str, Callable[[str], bool]] = {
    ".env": _has_secret_variables,
    ".npmrc": lambda text: _TOKEN.search(text) is not None,
    ".pypirc": lambda text: _TOKEN.search(text) is not None,
    ".netrc": lambda text: _CREDENTIALS.search(text) is not None,
    ".git-credentials": lambda text: _CREDENTIALS.search(text) is not None,
    ".aws/credentials": lambda text: _CREDENTIALS.search(text) is not None,
    ".docker/config.json": lambda text: _CREDENTIALS.search(text) is not None,
    "id_rsa": lambda text: "PRIVATE KEY" in text,
    "id_ed25519": lambda text: "PRIVATE KEY" in text,
}
"""Where secrets usually are, and how to tell that one is there."""


def check(view: View) -> Iterator[Finding]:
    """Find copies of the whole context into a stage where well-known files with a secret are in it."""
    copies = [(node, word) for node, word, path in view.copied() if clean("/" + path) == "/"]
    if not copies:
        return
    ignored = Matcher(view.ignored)
    node, word = copies[0]
    for path, is_secret in _FILES.items():
        verdict = ignored.matches(path)
        if verdict is not None and not verdict.negated:
            continue
        text = _read(view, path)
        if text and is_secret(text):
            yield finding(node, f"The whole context is copied, and {path} in it holds a secret", word.span)


def _read(view: View, path: str) -> str:
    try:
        return (view.read(path) or b"").decode(errors="replace")
    except BuildError:
        return ""  # not readable, or a link that leads elsewhere: it is not what is copied


RULE = Rule(
    name="ladle/SecretInContext",
    description="Files with secrets should not be copied into an image",
    why="What is copied is in the image for all who have it. Only a few well-known files are looked at, and only where "
    "`COPY .` would take them.",
    bad="FROM scratch\nCOPY . /\n",
    good="FROM scratch\nCOPY src /\n",
    check=check,
    files={".env": "API_TOKEN=hush\n", "src/a": "a"},
    help="name the file in .dockerignore; a step gets it with RUN --mount=type=secret",
)
