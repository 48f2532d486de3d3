# SPDX-License-Identifier: Apache-2.0
"""The mistakes that a YAML build file can hold: one constructor each, with a stable code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ladle.core.api.diagnostics import Diagnostic, Label, Severity, SourceText, Span


def _error(
    code: str,
    message: str,
    span: Span,
    text: str = "",
    *,
    more: Sequence[Label] = (),
    notes: Sequence[str] = (),
    help: str = "",
) -> Diagnostic:
    return Diagnostic(
        code=code,
        severity=Severity.ERROR,
        message=message,
        labels=(Label(span, text), *more),
        notes=tuple(notes),
        help=help,
    )


def place(diagnostic: Diagnostic) -> tuple[str, int]:
    """Return where a mistake is, to put them in order."""
    span = diagnostic.labels[0].span if diagnostic.labels else None
    return (span.source.name, span.start) if span else ("", -1)


def _meant(near: str) -> str:
    return f"did you mean `{near}`?" if near else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# The file.


def too_large(limit: int, span: Span) -> Diagnostic:
    """Return: a file of more bytes than anybody writes."""
    return _error("YF0001", f"the file is larger than {limit:,} bytes", span, help="split it with `include:`")


def not_utf8(span: Span) -> Diagnostic:
    """Return: bytes that are not UTF-8."""
    return _error("YF0002", "the file is not valid UTF-8", span, help="save the file in UTF-8")


def bad_character(code: int, span: Span) -> Diagnostic:
    """Return: a character that YAML does not have."""
    number = code if isinstance(code, int) else ord(str(code)[:1] or "\0")
    return _error("YF0003", f"the character U+{number:04X} may not stand in YAML", span, help='write "\\x.." in quotes')


def malformed(reason: str, span: Span) -> Diagnostic:
    """Return: what is no YAML."""
    return _error("YF0004", f"this is no valid YAML: {reason}", span)


def empty_file(source: SourceText) -> Diagnostic:
    """Return: a file without any key."""
    return _error("YF0005", "the file is empty", Span(source, 0, 0), "a build file has `stages:`")


def no_mapping(span: Span) -> Diagnostic:
    """Return: a file that is a list or a single value."""
    return _error(
        "YF0006", "a build file is a mapping with the key `stages`", Span(span.source, span.start, span.start)
    )


def second_document(span: Span) -> Diagnostic:
    """Return: `---` and another document."""
    return _error("YF0007", "a build file is one document", span, help="take others in with `include:`")


def tag(name: str, span: Span) -> Diagnostic:
    """Return: `!!python/object` and the like."""
    return _error("YF0008", f"tags have no meaning here: {name}", span, help="leave it out")


def too_deep(limit: int, span: Span) -> Diagnostic:
    """Return: lists in lists in lists."""
    return _error("YF0009", f"lists and mappings are more than {limit} deep", span)


def too_many_nodes(limit: int, span: Span) -> Diagnostic:
    """Return: more values than anybody writes, or aliases of aliases."""
    return _error("YF0010", f"there are more than {limit:,} values, those that aliases repeat counted again", span)


def unknown_anchor(name: str, span: Span) -> Diagnostic:
    """Return: `*name` without `&name` before."""
    return _error("YF0011", f"there is no `&{name}` before this", span)


def alias_in_itself(name: str, span: Span) -> Diagnostic:
    """Return: `*name` inside of what `&name` stands before."""
    return _error("YF0012", f"`&{name}` cannot hold itself", span)


def key_not_text(span: Span) -> Diagnostic:
    """Return: a list or a mapping as a key."""
    advice = "an expression in braces needs the dollar sign: ${{ args.NAME }}"
    return _error("YF0013", "a key has to be a text", span, help=advice)


def bad_merge(span: Span) -> Diagnostic:
    """Return: `<<:` with something else than mappings."""
    return _error("YF0014", "`<<` takes a mapping, or a list of them", span)


def duplicate_key(name: str, span: Span, first: Span) -> Diagnostic:
    """Return: a key twice in one mapping."""
    return _error("YF0015", f"the key `{name}` is given twice", span, "again here", more=[Label(first, "first here")])


# The schema.


def unknown_key(name: str, near: str, known: Sequence[str], span: Span) -> Diagnostic:
    """Return: a key that does not exist there."""
    notes = () if near else (f"there are {_listed(known)}",)
    return _error("YF0020", f"unknown key `{name}`", span, _meant(near), notes=notes)


def missing_key(name: str, span: Span) -> Diagnostic:
    """Return: a key that has to be there is not."""
    return _error("YF0021", f"the key `{name}` is missing", span)


def wrong_type(wanted: str, found: str, span: Span, keys: Sequence[str] = ()) -> Diagnostic:
    """Return: a list for a text and the like; `keys` are what a mapping in its place begins with."""
    notes = (f"write one that begins with {_listed(keys)}",) if keys else ()
    return _error("YF0022", f"expected {wanted}, found {found}", span, notes=notes)


def not_one_of(value: str, near: str, known: Sequence[str], span: Span) -> Diagnostic:
    """Return: a value that is none of those there are."""
    return _error("YF0023", f"`{value}` is none of {_listed(known)}", span, _meant(near))


def bad_form(value: str, pattern: str, what: str, span: Span) -> Diagnostic:
    """Return: a text of the wrong form."""
    notes = (f"it has to match {pattern}",)
    return _error("YF0024", f"`{value}` has not the right form", span, what, notes=notes)


def too_few(what: str, span: Span) -> Diagnostic:
    """Return: an empty list or mapping where something has to be."""
    return _error("YF0025", f"there has to be at least one {what}", span)


def out_of_range(value: str, least: int | None, most: int | None, span: Span) -> Diagnostic:
    """Return: a number that is too small or too large."""
    bounds = " and ".join(
        [*([f"at least {least}"] if least is not None else []), *([f"at most {most}"] if most is not None else [])]
    )
    return _error("YF0026", f"{value} has to be {bounds}", span)


def no_kind(what: str, near: str, kinds: Sequence[str], span: Span) -> Diagnostic:
    """Return: a step or test that does not say what it is."""
    advice = f"it has one of the keys {_listed(kinds)}"
    return _error("YF0027", f"this {what} does not say what to do", span, _meant(near), help=advice)


# Includes.


def included_missing(path: str, span: Span) -> Diagnostic:
    """Return: an include that is not there."""
    return _error("YF0030", f"the file {path} is not there", span, help="paths are relative to the file that includes")


def included_outside(path: str, span: Span) -> Diagnostic:
    """Return: an include with an absolute path, or above the build file."""
    return _error("YF0031", f"{path} leads out of the build file's directory", span)


def include_cycle(names: Sequence[str], span: Span) -> Diagnostic:
    """Return: files that include each other."""
    return _error("YF0032", f"files include each other: {' -> '.join(names)}", span)


def too_many_files(limit: int, span: Span) -> Diagnostic:
    """Return: more includes than anybody writes."""
    return _error("YF0033", f"more than {limit} files are included", span)


def included_unreadable(reason: str, span: Span) -> Diagnostic:
    """Return: an include that cannot be read."""
    return _error("YF0034", reason, span)


# Expressions and arguments.


def bad_expression(reason: str, span: Span) -> Diagnostic:
    """Return: an expression that cannot be read or worked out."""
    return _error("YF0040", reason, span, help="see the language of expressions in docs/yaml.md")


def unknown_name(name: str, near: str, span: Span) -> Diagnostic:
    """Return: a name in an expression that stands for nothing."""
    return _error("YF0041", f"`{name}` stands for nothing here", span, _meant(near))


def open_expression(span: Span) -> Diagnostic:
    """Return: `${{` without `}}`."""
    return _error("YF0042", "`${{` without `}}`", span)


def missing_argument(name: str, span: Span) -> Diagnostic:
    """Return: a required argument that is not given."""
    return _error("YF0043", f"the argument `{name}` is required", span, help=f"give it: --build-arg {name}=VALUE")


def bad_argument(name: str, value: str, reason: str, span: Span) -> Diagnostic:
    """Return: an argument of the wrong type."""
    return _error("YF0044", f"the argument `{name}` cannot be `{value}`: {reason}", span)


def list_in_text(span: Span) -> Diagnostic:
    """Return: a list put into a text."""
    return _error("YF0045", "a list cannot be put into a text", span, help="write ${{ join(NAME, ' ') }}")


def argument_option(option: str, kind: str, span: Span) -> Diagnostic:
    """Return: `min` of a text and the like."""
    return _error("YF0046", f"`{option}` means nothing for an argument of the type {kind}", span)


def bad_pattern(reason: str, span: Span) -> Diagnostic:
    """Return: a regular expression that is none."""
    return _error("YF0047", f"this is no regular expression: {reason}", span)


def value_too_long(limit: int, span: Span) -> Diagnostic:
    """Return: an expression whose result is longer than anybody needs."""
    return _error("YF0048", f"what expressions put in is longer than {limit:,} characters", span)


# Stages and targets.


def no_stages(source: SourceText) -> Diagnostic:
    """Return: a file without stages, or all of them switched off."""
    return _error("YF0050", "there is no stage to build", Span(source, 0, 0), "a build file has `stages:`")


def unknown_target(name: str, near: str, known: Sequence[str]) -> Diagnostic:
    """Return: `--target` of what is not there; it has no place in the file."""
    return Diagnostic(
        code="YF0051",
        severity=Severity.ERROR,
        message=f"there is no target `{name}`",
        notes=(f"there are {_listed(known)}",),
        help=_meant(near),
    )


def unknown_stage(name: str, near: str, span: Span) -> Diagnostic:
    """Return: a target that lists a stage that is not there."""
    return _error("YF0052", f"there is no stage `{name}`", span, _meant(near))


def circular(names: Sequence[str], span: Span) -> Diagnostic:
    """Return: stages that need each other."""
    return _error("YF0053", f"stages need each other: {' -> '.join(names)}", span)


def switched_off(name: str, span: Span, where: Span) -> Diagnostic:
    """Return: a reference to a stage whose `if` is false."""
    more = [Label(where, "left out by this")]
    return _error("YF0054", f"the stage `{name}` is left out", span, more=more)


def which_variant(name: str, variants: Sequence[str], span: Span) -> Diagnostic:
    """Return: a reference to a stage with a matrix that fits several of its variants."""
    notes = (f"there are {_listed(variants)}",)
    return _error("YF0055", f"the stage `{name}` has several variants", span, "name one of them", notes=notes)


def same_name(name: str, span: Span) -> Diagnostic:
    """Return: two stages, of which one comes from a matrix, of one name."""
    return _error("YF0056", f"there are two stages `{name}`", span)


def too_many_stages(limit: int, span: Span) -> Diagnostic:
    """Return: more stages than anybody writes, most from a matrix."""
    return _error("YF0057", f"there are more than {limit:,} stages", span)


def bad_variant(value: str, span: Span) -> Diagnostic:
    """Return: a value of a matrix that cannot be part of a name."""
    return _error("YF0058", f"`{value}` cannot be part of a stage's name", span, "letters, digits, `.`, `-`, `_`, `/`")


def other_platform(name: str, known: Sequence[str], span: Span) -> Diagnostic:
    """Return: a build for a platform that the file is not for."""
    return _error("YF0059", f"this cannot be built for {name}", span, help=f"build for {_listed(known)}")


def bad_platform(value: str, reason: str, span: Span) -> Diagnostic:
    """Return: what is no platform."""
    return _error("YF0060", f"`{value}` is no platform: {reason}", span)


def excluded_key(name: str, span: Span) -> Diagnostic:
    """Return: `exclude` with a key that the matrix has not."""
    return _error("YF0061", f"the matrix has no `{name}`", span)


# What stages begin with.


def unresolved_image(name: str, reason: str, near: str, span: Span, notes: Sequence[str], help: str) -> Diagnostic:
    """Return: an image that could not be looked up; `reason` is the source's own message."""
    return _error("YF0070", f"{name}: {reason}", span, _meant(near), notes=notes, help=help)


def bad_image_config(name: str, reason: str, span: Span) -> Diagnostic:
    """Return: an image whose config is not understood."""
    return _error("YF0071", f"the image config of {name} is not understood: {reason}", span)


def host_not_a_source(span: Span) -> Diagnostic:
    """Return: a copy or a mount from the host."""
    advice = "bring the directory as a named context: --build-context NAME=/directory"
    return _error("YF0072", "the host is a base only: nothing can be copied from it", span, help=advice)


def bad_epoch(value: str) -> Diagnostic:
    """Return: SOURCE_DATE_EPOCH with something that is no time; it comes from the command line."""
    return Diagnostic(
        code="YF0073",
        severity=Severity.ERROR,
        message=f"invalid SOURCE_DATE_EPOCH: {value!r}",
        help="seconds since 1970-01-01 UTC",
    )


def bad_ignore(name: str, reason: str) -> Diagnostic:
    """Return: an ignore file with a pattern that is none."""
    return Diagnostic(code="YF0074", severity=Severity.ERROR, message=f"{name} cannot be understood: {reason}")


# Steps.


def bad_mode(value: str, symbolic: bool, span: Span) -> Diagnostic:
    """Return: a mode that is none."""
    what = "octal such as `0755`" + (", or symbolic such as `u=rwX,go-w`" if symbolic else "")
    return _error("YF0080", f"`{value}` is no mode", span, what)


def mount_target(target: str, span: Span) -> Diagnostic:
    """Return: a mount over the root."""
    return _error("YF0081", f"nothing can be mounted at `{target}`", span, "name a directory below the root")


def bad_address(value: str, reason: str, span: Span) -> Diagnostic:
    """Return: `add` of what is neither a download nor a repository."""
    return _error("YF0082", f"`{value}` cannot be fetched: {reason}", span, help="files of the context: use `copy`")


def bad_checksum(value: str, span: Span) -> Diagnostic:
    """Return: a checksum that is none."""
    return _error("YF0083", f"`{value}` is no checksum", span, "write it as sha256:…")


def empty_value(what: str, span: Span) -> Diagnostic:
    """Return: an empty text where something has to be, most from an expression."""
    return _error("YF0084", f"{what} is empty", span)


def bad_value(reason: str, span: Span) -> Diagnostic:
    """Return: a value that the graph cannot hold."""
    return _error("YF0085", reason, span)


def key_missing(path: str, span: Span) -> Diagnostic:
    """Return: the key of a package repository is not there."""
    return _error("YF0086", f"the key file {path} is not there", span, help="paths are relative to the build file")


def same_user(name: str, span: Span) -> Diagnostic:
    """Return: a user twice, by name or number."""
    return _error("YF0087", f"the user {name} is given twice", span)


def repository_option(option: str, manager: str, span: Span) -> Diagnostic:
    """Return: a suite for apk and the like."""
    return _error("YF0088", f"`{option}` means nothing to {manager}", span)


def package_version(value: str, manager: str, span: Span) -> Diagnostic:
    """Return: a version in a form that the package manager does not know."""
    return _error("YF0089", f"{manager} does not know `{value}`", span, "write NAME=VERSION")


def no_suite(span: Span) -> Diagnostic:
    """Return: an apt repository without a suite."""
    return _error("YF0090", "an apt repository has a `suite`", span, "such as `bookworm`, or `./` for a flat one")


def two_outputs(span: Span) -> Diagnostic:
    """Return: a test of two of a command's outputs."""
    return _error("YF0091", "a test looks at one of `stdout`, `stderr` and `output`", span, help="write two tests")


def words_with_output(span: Span) -> Diagnostic:
    """Return: a check of a file that has to be missing."""
    return _error("YF0092", "of a file that must not be there nothing else can be true", span)


def nothing_to_test(span: Span) -> Diagnostic:
    """Return: tests of an empty tree."""
    return _error("YF0093", "there is nothing to test: the stage is empty", span)


def artifacts_and_image(span: Span, other: Span) -> Diagnostic:
    """Return: a stage that is image and files at once."""
    advice = "begin another stage from this one, and give that the artifacts"
    return _error("YF0094", "a stage is either an image or artifacts", span, more=[Label(other)], help=advice)
