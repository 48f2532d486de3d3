# SPDX-License-Identifier: Apache-2.0
"""Writes the generated parts of docs/*.md and docs/rules/: `python docs/generate.py`.

A generated part stands between `<!-- begin NAME -->` and `<!-- end -->`. The tests say when one is out of date.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeGuard

import click

from ladle.core.api.diagnostics import Severity
from ladle.core.cli.app import app
from ladle.frontends.dockerfile.rules.base import Rule
from ladle.frontends.dockerfile.rules.table import BUILDKIT, OWN, RULES

DOCS = Path(__file__).parent
FOLDERS = ("core", "frontends", "llb", "plugins")
ROW = re.compile(r"(?:DF|CK)-[0-9]{2}")
CODE = re.compile(r"[A-Z]{2}[0-9]{4}")
PART = re.compile(r"(?<=<!-- begin )(.+?)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def main() -> None:
    """Write the pages."""
    for name in PAGES:
        page = DOCS / name
        page.write_text(generated(name, page.read_text(encoding="utf-8")), encoding="utf-8")
    for name, text in rule_pages().items():
        page = DOCS / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")


def generated(name: str, text: str) -> str:
    """Return a page with its generated parts made anew."""
    return PART.sub(lambda match: f"{match[1]}{match[2]}{PAGES[name](match[1])}", text)


def commands(group: click.Group = app, prefix: str = "ladle") -> Iterator[tuple[str, click.Command]]:
    """Return every command that does something, with its whole name (`ladle store check`)."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        elif not command.hidden:
            yield f"{prefix} {name}", command


def command_part(name: str) -> str:
    """Return usage, description and flags of a command (`ladle build`)."""
    command = dict(commands())[name]
    context = click.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    lines = ["", f"    {usage}", "", command.help or "", ""]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    if options:
        lines += ["| flag | what it does |", "|---|---|", *map(_option_row, options), ""]
    return "\n".join(lines)


def _option_row(option: click.Option) -> str:
    flags = ", ".join(f"`{name} {option.metavar}`" if option.metavar else f"`{name}`" for name in option.opts)
    often = " (may be repeated)" if option.multiple else ""
    return f"| {flags} | {option.help}{often} |".replace("DEST|type", "DEST\\|type")


def errors_part(prefix: str) -> str:
    """Return a table of the codes that begin so: what is said, and where."""
    rows: dict[str, dict[str, set[str]]] = {}
    for code, message, path in mentions():
        if code.startswith(prefix):
            found = rows.setdefault(code, {"messages": set(), "paths": set()})
            found["paths"].add(path)
            found["messages"] |= {message} - {""}
    table = []
    for code, row in sorted(rows.items()):
        said = "<br>".join(sorted(row["messages"])) or "what the operating system or a program says"
        table.append(f"| `{code}` | {said} | {', '.join(sorted(row['paths']))} |")
    return "\n".join(["", "| code | it says | by |", "|---|---|---|", *table, "", ""])


def mentions() -> Iterator[tuple[str, str, str]]:
    """Return each use of a code in the source: the code, its message ("" if unknown), the file."""
    for folder in FOLDERS:
        for path in sorted((DOCS.parent / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            shown = f"[{path.relative_to(DOCS.parent)}](../{path.relative_to(DOCS.parent)})"
            yield from ((code, message, shown) for code, message in _in_module(tree))


def _in_module(tree: ast.Module) -> Iterator[tuple[str, str]]:
    named = {
        node.targets[0].id: str(node.value.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_code(node.value)
    }
    said = _descriptions(tree)
    seen: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            arguments = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "code")]
            for argument in arguments:
                code = named.get(argument.id, "") if isinstance(argument, ast.Name) else ""
                if _is_code(argument):
                    code = str(argument.value)
                    seen.add(id(argument))
                if code:
                    yield code, _message(node.args) or said.get(id(node), "")
    yield from ((str(node.value), "") for node in ast.walk(tree) if _is_code(node) and id(node) not in seen)


def _descriptions(tree: ast.Module) -> dict[int, str]:
    """Return for each call in a constructor of a mistake what its docstring says (`Return: a flag given twice.`)."""
    found: dict[int, str] = {}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            text = (ast.get_docstring(function) or "").partition("\n")[0]
            if text.startswith("Return: "):
                calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
                found |= {id(node): text.removeprefix("Return: ").rstrip(".") for node in calls}
    return found


def _is_code(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and CODE.fullmatch(str(node.value)) is not None


def _message(arguments: list[ast.expr]) -> str:
    """Return the first text among a call's arguments, with `…` for what is filled in."""
    for argument in arguments:
        if isinstance(argument, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in argument.values]
            text = "".join(map(str, parts))
        elif isinstance(argument, ast.Constant) and isinstance(argument.value, str) and not _is_code(argument):
            text = argument.value
        else:
            continue
        return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
    return ""


def rule_pages() -> dict[str, str]:
    """Return the pages of docs/rules/: one a rule of the Dockerfile frontend, and the list of them."""
    pages = {f"rules/{rule.name}.md": _rule_page(rule) for rule in RULES}
    rows = {
        part: [
            f"| [{rule.name}]({rule.name}.md) | {rule.description} | {_default(rule)} | {'yes' * rule.mends} |"
            for rule in rules
        ]
        for part, rules in (("buildkit", BUILDKIT), ("own", OWN))
    }
    table = ["| rule | | default | `--fix` |", "|---|---|---|---|"]
    pages["rules/README.md"] = RULES_INDEX.format(
        buildkit="\n".join([*table, *rows["buildkit"]]), own="\n".join([*table, *rows["own"]])
    )
    return pages


def _default(rule: Rule) -> str:
    return ("on" if rule.by_default else "off") + (", info only" if rule.severity is Severity.INFO else "")


def _rule_page(rule: Rule) -> str:
    lines = [f"# {rule.name}", "", f"{rule.description.rstrip('.')}.", "", rule.why, ""]
    said = f"By default it is {_default(rule)}."
    if not rule.by_default:
        said += f" Turn it on with `# check=experimental={rule.name}`."
    if rule.mends:
        said += " `ladle check --fix` mends it."
    lines += [said, ""]
    if rule.files:
        lines += ["The context of the examples:", ""]
        lines += [f"- `{name}` with `{text.strip()}`" for name, text in rule.files.items()] + [""]
    for head, text in (("Bad", rule.bad), ("Good", rule.good)):
        lines += [f"## {head}", "", "```dockerfile", text.rstrip("\n"), "```", ""]
    if rule.url:
        lines += [f"BuildKit's page: {rule.url}", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


RULES_INDEX = """# Checks of Dockerfiles

Every build checks the stages that it makes and warns of what it finds. Without a build, all stages are checked (or
those that `--target` needs); the exit code is 1 where there is a warning:

    ladle check .
    ladle build --check .
    ladle build --call=check,format=json .

What can be mended without a change of meaning is mended in place, and the change is shown as a diff:

    ladle check --fix .

- `# check=skip=RULE,RULE;error=true;experimental=RULE` at the top of a file: which rules are skipped (or `all`),
  whether a warning is an error, which of the rules that are off are on (or `all`). The build argument
  `BUILDKIT_DOCKERFILE_CHECK` says the same and wins.
- `# check=skip=RULE` in the line above an instruction skips a rule there.

## BuildKit's rules

The names, lines and texts are BuildKit's.

{buildkit}

## Rules of our own

{own}
"""


def proofs() -> dict[str, list[tuple[str, str]]]:
    """Return the tests that say which rows they prove (`@pytest.mark.row("DF-41")`): name and file, by row."""
    found: dict[str, list[tuple[str, str]]] = {}
    root = DOCS.parent
    for path in sorted((root / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.row" not in text:
            continue
        tree = ast.parse(text)
        shown = str(path.relative_to(root))
        tables = _tables(tree)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names = {
                    each.id for part in node.decorator_list for each in ast.walk(part) if isinstance(each, ast.Name)
                }
                rows = [*_rows_of(node), *(row for name in names for row in tables.get(name, ()))]
                for row in dict.fromkeys(rows):
                    found.setdefault(row, []).append((node.name, shown))
    return found


def _tables(tree: ast.Module) -> dict[str, list[str]]:
    """Return the rows that tables of cases name, by the name of the table."""
    found: dict[str, list[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            texts = [str(each.value) for each in ast.walk(node) if isinstance(each, ast.Constant)]
            if isinstance(target, ast.Name):
                found[target.id] = [text for text in dict.fromkeys(texts) if ROW.fullmatch(text)]
    return found


def _rows_of(node: ast.AST) -> list[str]:
    """Return the rows that marks anywhere in a definition name, those of parameters too, each once."""
    calls = [
        call
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "row"
    ]
    texts = [str(each.value) for call in calls for each in call.args if isinstance(each, ast.Constant)]
    return list(dict.fromkeys(texts))


def rows_part(prefix: str) -> str:
    """Return the table of the rows that begin so: what each is, its state, the tests that prove it."""
    data = tomllib.loads((DOCS / "dockerfile-rows.toml").read_text(encoding="utf-8"))
    proven = proofs()
    lines = ["", "| row | what | state | tests |", "|---|---|---|---|"]
    for row, title in data["rows"].items():
        if row.startswith(prefix):
            lines.append(f"| {row} | {title} | {row_state(row, data, proven)} | {_tests(proven.get(row, []))} |")
    return "\n".join([*lines, "", ""])


def row_state(row: str, data: dict[str, dict[str, str]], proven: dict[str, list[tuple[str, str]]]) -> str:
    """Return whether a row holds, and why not in full where it does not."""
    if row in data["elsewhere"]:
        return f"not applicable: {data['elsewhere'][row]}"
    if row not in proven:
        return "not proved"
    return f"difference: {data['different'][row]}" if row in data["different"] else "proved"


def _tests(tests: list[tuple[str, str]]) -> str:
    by_file: dict[str, list[str]] = {}
    for name, path in tests:
        by_file.setdefault(path, []).append(name)
    return "<br>".join(
        f"[{path.removeprefix('tests/')}](../{path}): {', '.join(f'`{name}`' for name in names if name)}".rstrip(": ")
        for path, names in by_file.items()
    )


def hooks_part(_name: str) -> str:
    """Return the table of all hooks, in their order."""
    import inspect

    from ladle.core import hookspecs

    lines = ["", "| hook | arguments | when |", "|---|---|---|"]
    for name, hook in vars(hookspecs).items():
        if name.startswith(f"{hookspecs.PROJECT}_"):
            arguments = ", ".join(f"`{each}`" for each in inspect.signature(hook).parameters)
            text = " ".join((inspect.getdoc(hook) or "").split("\n\n")[0].split())
            lines.append(f"| `{name}` | {arguments} | {text} |")
    return "\n".join([*lines, "", ""])


def schema_part(name: str) -> str:
    """Return the table of the keys that one part of a YAML build file may have."""
    import json

    schema = json.loads((DOCS.parent / "grammars/ladle-yaml.schema.json").read_text(encoding="utf-8"))
    part = schema if name == "top" else _with_keys(schema["$defs"][name])
    needed = part.get("required", [])
    lines = ["", "| key | what it is |", "|---|---|"]
    for key, said in part["properties"].items():
        shown = f"**`{key}`**" if key in needed else f"`{key}`"
        lines.append(f"| {shown} | {_said(said, schema['$defs'])} |")
    return "\n".join([*lines, "", ""])


def _with_keys(part: dict[str, Any]) -> dict[str, Any]:
    """Return a part of the schema that is a map, or the one of several forms that is."""
    return part if "properties" in part else next(_with_keys(each) for each in part["anyOf"] if "properties" in each)


def _said(part: dict[str, Any], parts: dict[str, Any]) -> str:
    text = part.get("description") or parts.get(part.get("$ref", "").rpartition("/")[2], {}).get("description", "")
    if not text:
        text = part["$ref"].rpartition("/")[2]
    choices = ", ".join(f"`{value}`" for value in part.get("enum", ()))
    return f"{text} ({choices})" if choices else str(text)


PAGES: dict[str, Callable[[str], str]] = {
    "cli.md": command_part,
    "errors.md": errors_part,
    "dockerfile.md": rows_part,
    "plugins.md": hooks_part,
    "yaml.md": schema_part,
}

if __name__ == "__main__":
    main()
