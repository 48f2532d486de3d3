# SPDX-License-Identifier: Apache-2.0
"""Docker's patterns: the documented examples, Go's filepath.Match table, and the walk against the plain look-up."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.core.api import patterns as module
from ladle.core.api.patterns import (
    MAX_RULES,
    Matcher,
    PatternError,
    Rule,
    clean,
    glob_match,
    has_wildcard,
    parse_ignore,
)

parts = st.sampled_from(["a", "b", "ab", "a.txt", "b.md", ".x", "é"])
paths = st.lists(parts, min_size=1, max_size=4).map("/".join)
pieces = st.sampled_from(["a", "b", "*", "**", "a*", "?", "[ab]", "[^a]", "*.txt", "**b", "a**", "\\a", "é"])
patterns = st.tuples(st.booleans(), st.lists(pieces, min_size=1, max_size=3).map("/".join)).map(
    lambda made: ("!" if made[0] else "") + made[1]
)


def test_ignore_file_rules() -> None:
    text = "\ufeff# a comment\n  # no comment\r\n\n /lead/ \n! /kept/../back \n/\n./x//y\n\\#file\n"
    assert parse_ignore(text) == [
        Rule("# no comment", 2),
        Rule("lead", 4),
        Rule("back", 5, negated=True),
        Rule("/", 6),
        Rule("x/y", 7),
        Rule("\\#file", 8),
    ]


@pytest.mark.parametrize(
    ("text", "line", "position"),
    [("ok\n[a-", 2, 0), ("!", 1, 1), ("a\\", 1, 1), ("[]a]", 1, 1), ("x[-a]", 1, 2), ("[a-]", 1, 3), ("[", 1, 0)],
)
def test_bad_patterns_name_line_and_position(text: str, line: int, position: int) -> None:
    with pytest.raises(PatternError) as caught:
        parse_ignore(text)
    assert (caught.value.line, caught.value.position) == (line, position)
    assert f"line {line}: " in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("abc", "abc", True),
        ("*", "abc", True),
        ("*c", "abc", True),
        ("a*", "ab/c", False),
        ("a*/b", "abc/b", True),
        ("a*/b", "a/c/b", False),
        ("a*b*c*d*e*/f", "axbxcxdxe/f", True),
        ("a*b?c*x", "abxbbxdbxebxczzx", True),
        ("a*b?c*x", "abxbbxdbxebxczzy", False),
        ("ab[c]", "abc", True),
        ("ab[b-d]", "abc", True),
        ("ab[e-g]", "abc", False),
        ("ab[^c]", "abc", False),
        ("ab[^e-g]", "abc", True),
        ("a\\*b", "a*b", True),
        ("a\\*b", "ab", False),
        ("a?b", "a☺b", True),
        ("a[^a]b", "a☺b", True),
        ("a???b", "a☺b", False),
        ("[a-ζ]*", "α", True),
        ("*[a-ζ]", "A", False),
        ("a?b", "a/b", False),
        ("a*b", "a/b", False),
        ("[\\]a]", "]", True),
        ("[\\-]", "-", True),
        ("[x\\-]", "-", True),
        ("[!a]", "!", True),
        ("[[]", "[", True),
        ("[z-a]", "m", False),
        ("[^z-a]", "m", True),
        ("a.c", "abc", False),
        ("(a|b)+$", "(a|b)+$", True),
        ("*x", "xxx", True),
        ("**", "a/b", False),
    ],
)
def test_glob_is_go_filepath_match(pattern: str, path: str, expected: bool) -> None:
    assert glob_match(pattern, path) is expected


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        (["**"], "a/b", True),
        (["**/"], "a/b", True),
        (["**/file"], "file", True),
        (["**/file"], "dir/file", True),
        (["**/file"], "dir/afile", False),
        (["**file"], "dir/afile", True),
        (["**/dir/file"], "x/dir/file", True),
        (["**/dir2/*"], "dir/dir2/file", True),
        (["**/dir2/**"], "dir/dir2/dir2/file", True),
        (["**/dir2/**"], "dir2", False),
        (["dir/**"], "dir", False),
        (["dir/**"], "dir/x/y", True),
        (["a/**/b"], "a/b", True),
        (["a/**/b"], "a/x/y/b", True),
        (["a**b"], "ab", True),
        (["a**b"], "ax/b", True),
        (["dir"], "dir/sub/file", True),
        (["d*"], "dir/sub/file", True),
        (["*/*.go"], "x/y.go", True),
        (["a.b"], "axb", False),
        (["*.txt"], "d/a.txt", False),
        (["**/*.txt"], "a.txt", True),
        (["dir", "!dir/keep"], "dir/keep", False),
        (["dir", "!dir/keep"], "dir/keep/below", False),
        (["dir", "!dir/keep", "dir/keep/not"], "dir/keep/not/x", True),
        (["!dir/keep", "dir"], "dir/keep", True),
        (["*", "!*.md", "README*"], "README.md", True),
        (["src", "!src/deep", "src/deep/*.md"], "src/deep/four.md", True),
        (["src", "!src/deep", "src/deep/*.md"], "src/deep/three.txt", False),
        (["a/../b"], "b/x", True),
        (["  spaced  "], "spaced", True),
        ([""], "x", False),
    ],
)
def test_docker_rules(rules: list[str], path: str, expected: bool) -> None:
    assert (Matcher(rules).matches(path) is not None) is expected


def test_the_deciding_rule_is_returned() -> None:
    rules = parse_ignore("*.md\nsrc\n!src/a\n")
    assert Matcher(rules).matches("src/b/c") == Rule("src", 2)
    assert Matcher(rules).matches("src/a/c") is None


def test_bytes_that_are_no_text_match_as_one_character() -> None:
    name = b"a\xffb".decode("utf-8", "surrogateescape")
    assert Matcher(["a?b"]).matches(name) is not None
    assert Matcher(["**/a*"]).matches("d/" + name) is not None


@pytest.mark.parametrize(
    ("rules", "directory", "expected"),
    [
        (["*"], "src", False),
        (["*", "!src"], "src", False),
        (["*", "!src/a"], "src", True),
        (["*", "!src/a"], "lib", False),
        (["*", "!src/a"], "src/b", False),
        (["*", "!**/*.txt"], "any/where", True),
        (["*", "!src/**/x"], "lib", False),
        (["*", "!s*/x"], "src", True),
        (["!src/a", "src"], "src", False),
        (["*", "!\\src/a"], "src", True),
    ],
)
def test_where_a_walk_may_prune(rules: list[str], directory: str, expected: bool) -> None:
    assert Matcher(rules).could_reinclude_below(directory) is expected


@given(st.lists(patterns, max_size=5), paths)
def test_the_walk_agrees_with_the_look_up(rules: list[str], path: str) -> None:
    matcher = Matcher(rules)
    step = -1
    names = path.split("/")
    for depth in range(1, len(names) + 1):
        step = matcher.step("/".join(names[:depth]), step)
    assert matcher.verdict(step) == matcher.matches(path)


@given(st.lists(patterns, max_size=5), paths, parts)
def test_pruning_loses_nothing(rules: list[str], directory: str, name: str) -> None:
    matcher = Matcher(rules)
    above, below = matcher.matches(directory), matcher.matches(f"{directory}/{name}")
    if (above is None) != (below is None):
        step = -1
        names = directory.split("/")
        for depth in range(1, len(names) + 1):
            step = matcher.step("/".join(names[:depth]), step)
        assert matcher.could_change_below(directory, step)


@given(st.text(alphabet="ab*?[]^-\\/.!", max_size=8), st.text(alphabet="ab[]^-\\/.", max_size=8))
def test_any_pattern_is_matched_or_refused_with_its_position(pattern: str, path: str) -> None:
    refused: PatternError | None = None
    try:
        glob_match(pattern, path)
        Matcher([pattern]).matches(clean(path))
    except PatternError as error:
        refused = error
    assert refused is None or 0 <= refused.position <= len(refused.pattern)


@given(st.text(alphabet="ab/.", max_size=10))
def test_text_without_wildcards_matches_itself(text: str) -> None:
    assert not has_wildcard(text)
    assert glob_match(text, text)
    assert has_wildcard(text + "*")
    assert not has_wildcard(text + "\\*")


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("*a" * 20 + "b", "a" * 250), ("**/a/" * 12 + "b", "a/" * 1000 + "c"), ("**/*a?/" * 9 + "b", "aaa/" * 900 + "c")],
)
def test_many_wildcards_take_no_longer_than_one(pattern: str, path: str) -> None:
    began = time.process_time()
    assert Matcher([pattern]).step(path) == -1
    assert glob_match(pattern, path) is False
    assert time.process_time() - began < 2


@given(
    st.lists(st.sampled_from(["a", "b", "/", "a/", "?", "[ab]", "*", "*", "**/", "**/"]), min_size=1, max_size=9),
    st.text("ab/", max_size=12),
)
def test_what_comes_first_is_enough(parts: list[str], path: str) -> None:
    pattern = "".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        quick = re.fullmatch(module._translate(pattern, double_star=True), path, re.DOTALL)
        patch.setattr(module, "_settled", "".join)
        assert bool(quick) == bool(re.fullmatch(module._translate(pattern, double_star=True), path, re.DOTALL))


def test_an_ignore_file_has_a_number_of_rules() -> None:
    text = "".join(f"a{number}\n" for number in range(MAX_RULES))
    assert len(parse_ignore(f"# a remark\n\n{text}")) == MAX_RULES
    with pytest.raises(PatternError, match=r"line 100001: .* one more than the 100,000 rules"):
        parse_ignore(f"{text}last\n")
