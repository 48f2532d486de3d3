# SPDX-License-Identifier: Apache-2.0
"""Stages: matrices, conditions, references, targets; includes and arguments; their bounds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ladle.frontends.yaml.arguments import MAX_ARGUMENT, MAX_MATCHED
from ladle.frontends.yaml.include import MAX_FILES
from ladle.frontends.yaml.stages import MAX_STAGES
from ladle.frontends.yaml.words import MAX_TEXT

Shown = Callable[..., str]
Codes = Callable[..., list[str]]
RUN = "{from: base, steps: [{run: make}]}"


def test_a_matrix_makes_stages_and_a_target_of_all(shown: Shown) -> None:
    text = """
stages:
  deps:
    from: "python:${{ matrix.python }}"
    matrix: {python: [3.9, "3.10"]}
  app:
    from: deps
    matrix: {python: [3.9, 3.10], os: [a, b]}
    exclude: [{python: 3.9, os: b}]
    steps:
      - run: test ${{ matrix.os }} ${{ matrix.python }}
"""
    found = shown(text)
    assert [line for line in found.splitlines() if " -c 'test" in line] == [
        f"{line.split()[0]} exec /bin/sh -c 'test {what}'"
        for line, what in zip(
            [line for line in found.splitlines() if " -c 'test" in line], ["a 3.9", "a 3.10", "b 3.10"], strict=True
        )
    ]
    assert "/app-3.10-b/" in found
    assert "library/python:3.10@" in shown(text, options={"target": "app-3.10-a"})
    assert "YF0051" in shown(text, options={"target": "app-3.11"})
    assert "YF0055" in shown(text + "  one: {from: deps}\n", options={"target": "one"})


def test_conditions_leave_out_stages_and_steps(shown: Shown, codes: Codes) -> None:
    text = """
args: {debug: false}
stages:
  extra: {if: args.debug, from: base, steps: [{run: extra}]}
  app:
    from: "${{ if(args.debug, 'extra', 'base') }}"
    steps:
      - {run: strip, if: not args.debug}
"""
    assert "strip" in shown(text)
    assert "extra" not in shown(text)
    debug = shown(text, options={"build_args": {"debug": "true"}})
    assert "strip" not in debug
    assert "extra" in debug
    assert codes(text.replace("${{ if(args.debug, 'extra', 'base') }}", "extra")) == ["YF0054 ladle.yaml:6:11"]


def test_targets_name_stages(shown: Shown, codes: Codes) -> None:
    text = f"targets: {{default: b, all: [a, b]}}\nstages: {{a: {RUN}, b: {RUN}}}\n"
    assert "[b] run: make" in shown(text)
    assert "/a/" in shown(text, options={"target": "all"})
    assert codes(text.replace("default: b", "default: c")) == ["YF0052 ladle.yaml:1:20"]
    assert "did you mean `all`?" in shown(text, options={"target": "alll"})


def test_stages_that_need_each_other(shown: Shown) -> None:
    found = shown("stages:\n  a: {from: b}\n  b: {from: c}\n  c: {from: a}\n")
    assert "stages need each other: a -> b -> c -> a" in found or "c -> a -> b -> c" in found


def test_a_long_chain_of_stages_compiles(shown: Shown) -> None:
    stages = "".join(f"  s{n}: {{from: s{n - 1}, steps: [{{run: x}}]}}\n" for n in range(1, MAX_STAGES))
    assert "error" not in shown(f"stages:\n  s0: {{from: base}}\n{stages}")


def test_stages_have_a_number(codes: Codes) -> None:
    ten = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
    text = f"stages:\n  a:\n    matrix: {{x: {ten}, y: {ten}, z: {ten}}}\n"
    assert codes(text) == ["YF0057 ladle.yaml:2:3"]


def test_includes_come_first_and_are_replaced(shown: Shown, codes: Codes) -> None:
    files = {
        "common/base.yaml": b"include: more.yaml\nargs: {v: 1}\nstages: {base: {from: python}, x: {from: x}}\n",
        "common/more.yaml": b"args: {v: 2, w: 3}\nstages: {more: {from: more}}\n",
    }
    text = "include: common/base.yaml\nstages:\n  x: {from: base, steps: [{run: '${{ args.v }}${{ args.w }}'}]}\n"
    assert "-c 13" in shown(text, files=files)
    assert codes("include: ../x.yaml\nstages: {}\n")[0].startswith("YF0025")
    assert codes("include: ../x.yaml\n") == ["YF0031 ladle.yaml:1:10"]
    assert codes("include: [/x.yaml]\n") == ["YF0031 ladle.yaml:1:11"]
    assert codes("include: x.yaml\n") == ["YF0030 ladle.yaml:1:10"]
    assert codes("include: a.yaml\n", files={"a.yaml": b"include: a.yaml\n"}) == ["YF0032 a.yaml:1:10"]
    assert codes("include: a.yaml\n", files={"a.yaml": b"stags: {}\n"}) == ["YF0020 a.yaml:1:1"]


def test_includes_have_a_number(codes: Codes) -> None:
    text = f"include: [{', '.join(['a.yaml'] * (MAX_FILES + 1))}]\n"
    assert codes(text, files={"a.yaml": b"args: {}\n"})[0].startswith("YF0033")


ARGS = """
args:
  text: {pattern: "[a-z]+", required: true}
  count: {type: int, default: 4, min: 1, max: 64}
  mode: {values: [debug, release], default: release}
  many: {type: list, default: [a, b], values: [a, b, c]}
  yes: false
stages: {a: {from: x, steps: [{run: ["echo", "${{ args.text }}", "${{ args.many }}", "${{ args.count }}"]}]}}
"""


def test_arguments_have_types(shown: Shown, codes: Codes) -> None:
    given = {"text": "abc", "many": "c, a", "count": "7"}
    assert "exec echo abc c a 7" in shown(ARGS, options={"build_args": given})
    assert codes(ARGS) == ["YF0043 ladle.yaml:3:3"]
    wrong = {"text": "ABC", "count": "65", "mode": "debgu", "many": "a,d", "yes": "maybe"}
    assert [code.partition(" ")[0] for code in codes(ARGS, options={"build_args": wrong})] == ["YF0044"] * 5
    assert "did you mean debug?" in shown(ARGS, options={"build_args": wrong})


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("{type: int, pattern: x}", "YF0046"),
        ("{type: enum}", "YF0021"),
        ("{type: bool, default: [a]}", "YF0044"),
        ("{pattern: '(', default: x}", "YF0047"),
        ("{pattern: '(a+)+', default: x}", "YF0047"),
        ("{pattern: 'a*a*a*a*', default: x}", "YF0047"),
        ("{type: number}", "YF0023"),
    ],
)
def test_arguments_that_cannot_be(argument: str, code: str, codes: Codes) -> None:
    assert codes(f"args:\n  a: {argument}\nstages: {{a: {RUN}}}\n")[0].startswith(code)


def test_arguments_and_texts_have_a_length(codes: Codes) -> None:
    text = f"args: {{a: x, b: {{pattern: '[a-z]+', default: x}}}}\nstages: {{a: {RUN}}}\n"
    assert codes(text, options={"build_args": {"a": "x" * (MAX_ARGUMENT + 1)}})[0].startswith("YF0044")
    assert codes(text, options={"build_args": {"b": "x" * (MAX_MATCHED + 1)}})[0].startswith("YF0044")
    steps = f'args: {{a: x}}\nstages: {{a: {{steps: [{{run: "{"${{ args.a }} " * 20}"}}]}}}}\n'
    found = codes(steps, options={"build_args": {"a": "x" * MAX_ARGUMENT}})
    assert found[0].startswith("YF0048")
    assert MAX_TEXT < 20 * MAX_ARGUMENT


def test_a_file_may_be_for_some_platforms_only(codes: Codes) -> None:
    assert codes("platforms: [linux/arm64]\nstages: {a: {}}\n") == ["YF0059 ladle.yaml:1:1"]
    assert codes("stages: {a: {platform: toaster/x/y/z}}\n")[0].startswith("YF0060")
