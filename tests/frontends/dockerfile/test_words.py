# SPDX-License-Identifier: Apache-2.0
"""Words: variables, quotes and escapes as BuildKit expands them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.frontends.dockerfile.words import (
    MAX_EXPANDED,
    MAX_MATCHED,
    Style,
    WordError,
    expand,
    expand_words,
    expansion,
)

PLAIN = Style()
VALUES = {"a": "A", "two": "x y", "empty": "", "path": "/usr/lib/x.tar.gz", "1": "one", "é": "accent", "_u": "under"}


FORMS = [
    ("DF-14", "$a", "A"),
    ("DF-14", "${a}", "A"),
    ("DF-14", "$unset|${unset}", "|"),
    ("DF-15", "${unset:-w}|${empty:-w}|${a:-w}", "w|w|A"),
    ("DF-15", "${unset-w}|${empty-w}|${a-w}", "w||A"),
    ("DF-16", "${unset:+w}|${empty:+w}|${a:+w}", "||w"),
    ("DF-16", "${unset+w}|${empty+w}|${a+w}", "|w|w"),
    ("DF-17", "${a:?e}|${a?e}|${empty?e}", "A|A|"),
    ("DF-18", "${path#*/}|${path#/usr}|${path#x}", "usr/lib/x.tar.gz|/lib/x.tar.gz|/usr/lib/x.tar.gz"),
    ("DF-18", "${path##*/}|${path##*.}", "x.tar.gz|gz"),
    ("DF-19", "${path%/*}|${path%.??}", "/usr/lib|/usr/lib/x.tar"),
    ("DF-19", "${path%%/*}|${path%%.*}", "|/usr/lib/x"),
    ("DF-20", "${path/r/R}|${path/t?r/T}", "/usR/lib/x.tar.gz|/usr/lib/x.T.gz"),
    ("DF-20", "${path//r/R}|${path//?r/-}", "/usR/lib/x.taR.gz|/u-/lib/x.t-.gz"),
    ("DF-21", "${unset:-${a}${unset:-${two}}}", "Ax y"),
    ("DF-21", "${path##*${unset:-/}}|${path%${unset-.gz}}", "x.tar.gz|/usr/lib/x.tar"),
    ("DF-21", "${path/${unset:-lib}/${a}}", "/usr/A/x.tar.gz"),
    ("DF-21", "${path#[/]}|${glob#\\*}|${glob#\\?}", "/usr/lib/x.tar.gz|?b|*?b"),
    ("DF-22", "'$a'|\"$a\"|\\$a|'\"'|\"'\"", "$a|A|$a|\"|'"),
    ("DF-22", "$1|$é|$_u|$@|$*|$#|$?|$-|$$|$!|$0", "one|accent|under||||||||"),
]


@pytest.mark.parametrize(
    ("word", "expected"),
    [pytest.param(word, expected, marks=pytest.mark.row(row), id=word) for row, word, expected in FORMS],
)
def test_each_form(word: str, expected: str) -> None:
    assert expand(word, {**VALUES, "glob": "*?b"}, PLAIN) == expected


def test_all_14_forms_are_there() -> None:
    """`${v}`, six with `-`, `+` and `?`, four that strip, two that replace; and `$v`."""
    written = " ".join(word for _, word, _ in FORMS)
    forms = ("$a", "${a}", ":-", "-w", ":+", "+w", ":?", "?e", "#", "##", "%", "%%", "/r/", "//r/")
    assert len(forms) == 14
    assert all(form in written for form in forms)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("plain", "plain"),
        ("$a${a}$a.b", "AAA.b"),
        ("$unset", ""),
        ("$ab", ""),
        ("$1x$é$_u", "onexaccentunder"),
        ("$", "$"),
        ("a$", "a$"),
        ("$%", "$%"),
        (r"\$a", "$a"),
        (r"a\ b\\", "a b\\"),
        ("back\\", "back"),
        ("'$a \"'", '$a "'),
        ("\"$a '$two'\"", "A 'x y'"),
        (r'"\$a \" \\ \n"', r'$a " \ \n'),
        ("a'b'\"c\"d", "abcd"),
        ("${unset:-w}${unset-w}${empty:-w}${empty-w}${a:-w}", "wwwA"),
        ("${unset:+w}${unset+w}${empty:+w}${empty+w}${a:+w}", "ww"),
        ("${a:?x}${empty?x}", "A"),
        ("${unset:-${two}}", "x y"),
        ("${unset:-${unset:-${a}}}", "A"),
        ("${path##*/}", "x.tar.gz"),
        ("${path#*/}", "usr/lib/x.tar.gz"),
        ("${path%/*}", "/usr/lib"),
        ("${path%%.*}", "/usr/lib/x"),
        ("${path%.??}", "/usr/lib/x.tar"),
        ("${path#[u]}", "/usr/lib/x.tar.gz"),
        (r"${path//\//_}", "_usr_lib_x.tar.gz"),
        ("${path/t?r/TAR}", "/usr/lib/x.TAR.gz"),
        ("${path//*/all}", "all"),
        ("${path/$two/}", "/usr/lib/x.tar.gz"),
        ("${a/A/$two}", "x y"),
        ("${empty//*/x}", "x"),
    ],
)
def test_expand(word: str, expected: str) -> None:
    assert expand(word, VALUES, PLAIN) == expected


@pytest.mark.row("DF-17", "DF-21", "DF-22")
@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("${", "syntax error: missing '}'"),
        ("${a", "syntax error: missing '}'"),
        ("${a:", "syntax error: missing '}'"),
        ("${a:-b", "syntax error: missing '}'"),
        ("${}", "syntax error: bad substitution"),
        ("${:-x}", "syntax error: bad substitution"),
        ("${{a}}", "syntax error: bad substitution"),
        ("${a*}", "unsupported modifier (*) in substitution"),
        ("${a:#b}", "unsupported modifier (:#) in substitution"),
        ("${a/b}", "syntax error: missing '/' in ${}"),
        ("${a/b/c", "syntax error: missing '}'"),
        ("${unset:?say so}", "unset: say so"),
        ("${unset?}", "unset: is not allowed to be unset"),
        ("${empty:?}", "empty: is not allowed to be empty"),
        ("'open", "unexpected end of statement while looking for matching single-quote"),
        ('"open', "unexpected end of statement while looking for matching double-quote"),
        (r"${a#\x}", r"invalid pattern (\x) in substitution: invalid escape '\x'"),
        ("${a:-" * 200, "substitutions are nested too deeply"),
    ],
)
def test_words_that_cannot_be_expanded(word: str, message: str) -> None:
    with pytest.raises(WordError) as caught:
        expand(word, VALUES, PLAIN)
    assert str(caught.value) == message


@pytest.mark.row("DF-07", "DF-22")
def test_the_escape_character_is_the_files() -> None:
    assert expand("C:\\dir`$a\\$a", VALUES, Style(escape="`")) == "C:\\dir$a\\A"


@pytest.mark.row("DF-23")
@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("a  b", ["a", "b"]),
        ("$two", ["x", "y"]),
        ('"$two"', ["x y"]),
        (r"a\ b c", ["a b", "c"]),
        ("$unset", []),
        ("x$two", ["xx", "y"]),
    ],
)
def test_words_split_after_expansion(word: str, expected: list[str]) -> None:
    assert expand_words(word, VALUES, PLAIN) == expected


def test_what_progress_shows_keeps_quotes_and_unset_variables() -> None:
    shown = Style(raw_quotes=True, keep_unset=True)
    word = "echo \"$a\" '$a' $no ${no} ${no:-${a}} ${no/x/y} ${a}"
    assert expand(word, VALUES, shown) == "echo \"A\" '$a' $no ${no} ${no:-A} ${no/x/y} A"


@pytest.mark.row("DF-24")
def test_unset_variables_are_told() -> None:
    assert expansion("$a $no ${nor:-x}", VALUES, PLAIN).unset == {"no", "nor"}


@given(st.text(alphabet="$a{}:-+?#%/\\'\" *x", max_size=40))
def test_any_word_expands_or_says_why_not(word: str) -> None:
    for style in (PLAIN, Style(escape="`"), Style(raw_quotes=True, keep_unset=True)):
        try:
            made = expansion(word, VALUES, style)
        except WordError as error:
            assert str(error)  # noqa: PT017
        else:
            assert isinstance(made.text, str)


@given(st.text(alphabet="abc ", max_size=20), st.text(alphabet="ab*?", max_size=6))
def test_trimming_never_adds(value: str, pattern: str) -> None:
    for operator in ("#", "##", "%", "%%"):
        made = expand("${v" + operator + pattern + "}", {"v": value}, PLAIN)
        assert value.endswith(made) if "#" in operator else value.startswith(made)


def test_variables_that_double_are_cut_off() -> None:
    value = "a" * 1000
    with pytest.raises(WordError, match="expand to more than"):
        expand("$a" * (MAX_EXPANDED // 1000 + 1), {"a": value}, Style())
    with pytest.raises(WordError, match="expand to more than"):
        expand("${a//a/" + "b" * 5000 + "}", {"a": value}, Style())


def test_patterns_take_bounded_time() -> None:
    with pytest.raises(WordError, match="too long for a pattern"):
        expand("${a%x}", {"a": "a" * (MAX_MATCHED + 1)}, Style())
    value = "a" * 2000
    for word in ("${a#%sb}", "${a##%sb}", "${a/%sb/x}"):
        assert expand(word.replace("%s", "*a" * 20), {"a": value}, Style()) == value


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("${a#*b*}", "cabcd"),
        ("${a##*b*}", ""),
        ("${a##*b*c}", "d"),
        ("${a#*a*c}", "abcd"),
        ("${a%b*c*}", "abca"),
        ("${a%%b*c*}", "a"),
        ("${a/b*c/x}", "axd"),
        ("${a/**b/x}", "xcd"),
    ],
)
def test_patterns_with_several_stars(word: str, expected: str) -> None:
    assert expand(word, {"a": "abcabcd"}, Style()) == expected
