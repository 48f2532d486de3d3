# SPDX-License-Identifier: Apache-2.0
"""URLs of repositories (FEATURES DF-57, DF-80)."""

from __future__ import annotations

import pytest

from ladle.core.api.giturl import GitUrl, is_git_url, parse_git_url


@pytest.mark.row("DF-57", "DF-80")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://x.org/a.git", True),
        ("http://x.org/a.git#v1:dir", True),
        ("https://x.org/a.git?ref=v1", True),
        ("git@x.org:a/b", True),
        ("ssh://git@x.org/a", True),
        ("deploy-1@x.org:a/b", True),
        ("git://x.org/a", True),
        ("git@x.org", False),
        ("git@x.org:", False),
        ("a/b@x.org:c", False),
        ("u@x.org://a", False),
        ("github.com/a/b", True),
        ("https://x.org/a.tar.gz", False),
        ("https://x.org/a.git/file", False),
        ("https://x.org/a#x.git", False),
        ("a.git", False),
        ("dir", False),
        ("-", False),
    ],
)
def test_what_is_a_repository(text: str, expected: bool) -> None:
    assert is_git_url(text) is expected


@pytest.mark.row("DF-80")
@pytest.mark.parametrize(
    ("text", "url", "fragment"),
    [
        ("https://x.org/a.git", GitUrl(remote="https://x.org/a.git"), ""),
        ("https://x.org/a.git#v1", GitUrl(remote="https://x.org/a.git", ref="v1"), "#v1"),
        ("https://x.org/a.git#v1:d/e", GitUrl(remote="https://x.org/a.git", ref="v1", subdir="d/e"), "#v1:d/e"),
        ("https://x.org/a.git#:d", GitUrl(remote="https://x.org/a.git", subdir="d"), "#:d"),
        ("git@x.org:a/b.git#v1:d", GitUrl(remote="git@x.org:a/b.git", ref="v1", subdir="d"), "#v1:d"),
        ("git@x.org:a?ref=v", GitUrl(remote="git@x.org:a", ref="v"), "#v"),
        ("github.com/a/b", GitUrl(remote="https://github.com/a/b"), ""),
        ("ssh://git@x.org:22/a", GitUrl(remote="ssh://git@x.org:22/a"), ""),
        (
            "https://x.org/a.git?tag=v1&subdir=d",
            GitUrl(remote="https://x.org/a.git", ref="refs/tags/v1", subdir="d"),
            "#refs/tags/v1:d",
        ),
        ("https://x.org/a.git?branch=b#b", GitUrl(remote="https://x.org/a.git", ref="refs/heads/b"), "#refs/heads/b"),
        ("https://x.org/a.git?fetch-by-commit=1", GitUrl(remote="https://x.org/a.git", fetch_by_commit=True), ""),
        ("https://x.org/a.git?submodules", GitUrl(remote="https://x.org/a.git"), ""),
        ("deploy@x.org:a#v1", GitUrl(remote="deploy@x.org:a", ref="v1"), "#v1"),
        ("https://x.org/a.git?ref=v1#v1", GitUrl(remote="https://x.org/a.git", ref="v1"), "#v1"),
        ("https://x.org/a.git?commit=abc", GitUrl(remote="https://x.org/a.git", checksum="abc"), ""),
        ("https://x.org/a.git?keep-git-dir=true", GitUrl(remote="https://x.org/a.git", keep_git_dir=True), ""),
        ("https://x.org/a.git?keep-git-dir=false", GitUrl(remote="https://x.org/a.git", keep_git_dir=False), ""),
        ("https://x.org/a.git?submodules=false", GitUrl(remote="https://x.org/a.git", submodules=False), ""),
        ("https://x.org/a.git?mtime=commit", GitUrl(remote="https://x.org/a.git", mtime="commit"), ""),
    ],
)
def test_parts(text: str, url: GitUrl, fragment: str) -> None:
    assert parse_git_url(text) == url
    assert url.fragment == fragment


@pytest.mark.row("DF-80")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file:///a.git", "unknown scheme 'file'"),
        ("https://x.org/a.git?what=1", 'unexpected query "what"'),
        ("https://x.org/a.git?ref=v2#v1", 'ref conflicts: "v1" vs "v2"'),
        ("https://x.org/a.git?tag=v1&branch=b", "branch conflicts with tag"),
        ("https://x.org/a.git?ref=v1&branch=b", "ref conflicts"),
        ("https://x.org/a.git?subdir=a#:b", 'subdir conflicts: "b" vs "a"'),
        ("https://x.org/a.git?checksum=a&commit=b", "checksum conflicts"),
        ("https://x.org/a.git?submodules=some", 'invalid submodules value: "some"'),
        ("https://x.org/a.git?mtime=now", 'invalid mtime value: "now"'),
    ],
)
def test_mistakes(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_git_url(text)
