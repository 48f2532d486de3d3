# SPDX-License-Identifier: Apache-2.0
"""The mistakes that a Dockerfile can hold: one constructor each, with a stable code.

Messages say what BuildKit's say, in its words where programs may look for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ladle.core.api.diagnostics import Diagnostic, Label, Severity, SourceText, Span
from ladle.frontends.dockerfile.gotext import quote


def _error(
    code: str, message: str, span: Span, text: str = "", *, more: Sequence[Label] = (), help: str = "", note: str = ""
) -> Diagnostic:
    return Diagnostic(
        code=code,
        severity=Severity.ERROR,
        message=message,
        labels=(Label(span, text), *more),
        help=help,
        notes=(note,) if note else (),
    )


def place(diagnostic: Diagnostic) -> int:
    """Return where in the file a mistake is, to put them in order; -1 for one that has no place there."""
    return diagnostic.labels[0].span.start if diagnostic.labels else -1


def _meant(word: str) -> str:
    return f" (did you mean {word}?)" if word else ""


# The file and its lines.


def too_many(what: str, limit: int, span: Span) -> Diagnostic:
    """Return: more instructions or stages than anybody writes."""
    return _error(
        "DF0007",
        f"more than {limit:,} {what}",
        span,
        "this one is too many",
        help="build what belongs together by itself, and give it with --build-context",
    )


def empty_file(source: SourceText) -> Diagnostic:
    """Return: there is nothing in the file."""
    end = source.text.find("\n")
    return _error(
        "DF0001",
        "file with no instructions",
        Span(source, 0, max(end, 0)),
        "a Dockerfile begins with FROM",
        help="begin with FROM and the image to build on, or FROM scratch",
    )


def duplicate_directive(name: str, span: Span, first: Span) -> Diagnostic:
    """Return: a parser directive is given twice."""
    return _error(
        "DF0002",
        f"only one {name} parser directive can be used",
        span,
        "again here",
        more=[Label(first, "first here")],
        help="leave one of them out",
    )


def bad_escape(value: str, span: Span) -> Diagnostic:
    """Return: `# escape=` with anything but a backslash or a backquote."""
    return _error(
        "DF0003",
        f"invalid escape token '{value}' does not match ` or \\",
        span,
        help="write # escape=\\ or # escape=`",
    )


def long_line(limit: int, span: Span) -> Diagnostic:
    """Return: a line is longer than the limit."""
    return _error(
        "DF0004",
        f"dockerfile line greater than max allowed size of {limit}",
        span,
        help="break the line with the escape character at its end, or move the text to a file",
    )


def open_heredoc(name: str, span: Span) -> Diagnostic:
    """Return: a here-document without its end."""
    return _error(
        "DF0005",
        "unterminated heredoc",
        span,
        f"no line {name} follows",
        help="end it with a line that holds nothing but its name",
    )


def not_utf8(span: Span) -> Diagnostic:
    """Return: bytes outside comments that are not UTF-8."""
    return _error("DF0006", "the file is not valid UTF-8", span, help="save the file in UTF-8")


# Instructions, their flags and arguments.


def unknown_instruction(name: str, near: str, span: Span) -> Diagnostic:
    """Return: a line that begins with no instruction's name."""
    return _error(
        "DF0010",
        f"unknown instruction: {name}{_meant(near)}",
        span,
        help="instructions are the words that docs/dockerfile.md lists, such as RUN, COPY or ENV",
    )


def unknown_flag(name: str, near: str, span: Span) -> Diagnostic:
    """Return: a flag that the instruction does not have."""
    return _error(
        "DF0011",
        f"unknown flag: --{name}{_meant(near)}",
        span,
        help="leave it out, or write it as this instruction knows it",
    )


def duplicate_flag(name: str, span: Span, first: Span) -> Diagnostic:
    """Return: a flag given twice."""
    return _error(
        "DF0012",
        f"duplicate flag specified: --{name}",
        span,
        more=[Label(first, "first here")],
        help="leave one of them out",
    )


def flag_without_value(name: str, span: Span) -> Diagnostic:
    """Return: `--name` where `--name=value` is wanted."""
    return _error("DF0013", f"missing a value on flag: --{name}", span, f"write --{name}=value")


def flag_not_boolean(name: str, value: str, span: Span) -> Diagnostic:
    """Return: a yes-or-no flag with another value."""
    return _error(
        "DF0014", f"expecting boolean value for flag --{name}, not: {value}", span, help="write true or false"
    )


def at_least_one_argument(name: str, span: Span) -> Diagnostic:
    """Return: an instruction without any argument."""
    return _error(
        "DF0015", f"{name} requires at least one argument", span, help="say what it is to do, or leave the line out"
    )


def exactly_one_argument(name: str, span: Span) -> Diagnostic:
    """Return: an instruction that wants one argument has none."""
    return _error(
        "DF0016", f"{name} requires exactly one argument", span, help="give it its argument, or leave the line out"
    )


def no_destination(name: str, span: Span) -> Diagnostic:
    """Return: COPY or ADD with fewer than two paths."""
    message = f"{name} requires at least two arguments, but only one was provided. Destination could not be determined"
    return _error("DF0017", message, span, help="write the sources first and the destination last")


def json_not_strings(span: Span) -> Diagnostic:
    """Return: a JSON array with something else than strings in it."""
    return _error(
        "DF0018",
        "when using JSON array syntax, arrays must be comprised of strings only",
        span,
        help="put every word in double quotes",
    )


def json_required(name: str, span: Span) -> Diagnostic:
    """Return: SHELL with words."""
    return _error(
        "DF0019", f"{name} requires the arguments to be in JSON form", span, help=f'{name} ["executable", "parameter"]'
    )


def from_arguments(span: Span) -> Diagnostic:
    """Return: FROM that is not `FROM image` or `FROM image AS name`."""
    return _error("DF0020", "FROM requires either one or three arguments", span, help="FROM image [AS name]")


def stage_name(name: str, span: Span) -> Diagnostic:
    """Return: a name that a stage cannot have."""
    message = f"invalid name for build stage: {quote(name)}, name can't start with a number or contain symbols"
    return _error("DF0021", message, span, help="begin it with a letter; letters, digits, '-', '_' and '.' may follow")


def missing_equals(word: str, span: Span) -> Diagnostic:
    """Return: a word without `=` among pairs."""
    return _error(
        "DF0022",
        f"Syntax error - can't find = in {quote(word)}. Must be of the form: name=value",
        span,
        help="write name=value, in quotes where the value has blanks",
    )


def two_arguments(name: str, span: Span) -> Diagnostic:
    """Return: `ENV name` alone."""
    return _error("DF0023", f"{name} must have two arguments", span, help=f"{name} name=value")


def blank_name(name: str, span: Span) -> Diagnostic:
    """Return: `=value`."""
    return _error("DF0024", f"{name} names can not be blank", span, help="put a name before the =")


def healthcheck_type(word: str, span: Span) -> Diagnostic:
    """Return: HEALTHCHECK with neither CMD nor NONE."""
    return _error(
        "DF0025",
        f"Unknown type {quote(word)} in HEALTHCHECK (try CMD)",
        span,
        help="write HEALTHCHECK CMD command, or HEALTHCHECK NONE",
    )


def healthcheck_none_arguments(span: Span) -> Diagnostic:
    """Return: words after HEALTHCHECK NONE."""
    return _error("DF0026", "HEALTHCHECK NONE takes no arguments", span, help="leave out what follows NONE")


def healthcheck_no_command(span: Span) -> Diagnostic:
    """Return: HEALTHCHECK CMD alone."""
    return _error("DF0027", "Missing command after HEALTHCHECK CMD", span, help="write the command after CMD")


def onbuild_chain(span: Span) -> Diagnostic:
    """Return: ONBUILD ONBUILD."""
    return _error(
        "DF0029",
        "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed",
        span,
        help="one ONBUILD is enough: it is fired by the next build, and by that one only",
    )


def onbuild_trigger(name: str, span: Span) -> Diagnostic:
    """Return: an instruction that cannot be a trigger."""
    return _error(
        "DF0030",
        f"{name} isn't allowed as an ONBUILD trigger",
        span,
        help="use it in the base itself, or in the files that build on it",
    )


def empty_volume(span: Span) -> Diagnostic:
    """Return: an empty path in VOLUME."""
    return _error(
        "DF0031", "VOLUME specified can not be an empty string", span, help="name the directory, or leave the line out"
    )


def heredoc_destination(name: str, span: Span) -> Diagnostic:
    """Return: COPY to a here-document."""
    return _error(
        "DF0032",
        f"{name} cannot accept a heredoc as a destination",
        span,
        help="write the path of the file last: COPY <<NAME /path",
    )


def not_supported(what: str, span: Span) -> Diagnostic:
    """Return: something of the language that ladle does not do yet."""
    return _error("DF0033", f"{what} is not supported yet", span)


# Stages.


def before_from(span: Span) -> Diagnostic:
    """Return: an instruction before the first FROM."""
    text = "only ARG may stand before the first FROM"
    return _error("DF0040", "no build stage in current context", span, text, help="begin a stage first: FROM image")


def no_stage(source: SourceText) -> Diagnostic:
    """Return: a file with ARG and no FROM."""
    return _error(
        "DF0041", "dockerfile contains no stages to build", Span(source, 0, 0), help="begin a stage: FROM image"
    )


def blank_base(written: str, span: Span) -> Diagnostic:
    """Return: FROM whose variables came out empty."""
    return _error(
        "DF0042",
        f"base name ({written}) should not be blank",
        span,
        help="give the variable a default: ARG NAME=value before the first FROM",
    )


def bad_base(name: str, reason: str, span: Span) -> Diagnostic:
    """Return: FROM with something that is no image's name."""
    return _error(
        "DF0043",
        f"failed to parse stage name {quote(name)}: {reason}",
        span,
        help="write it as name, name:tag or name@sha256:…, in lower case",
    )


def bad_platform(written: str, reason: str, span: Span) -> Diagnostic:
    """Return: `--platform` with something that is no platform."""
    return _error(
        "DF0044",
        f"failed to parse platform {written}: {reason}",
        span,
        help="write it as os/architecture, such as linux/amd64",
    )


def empty_platform(written: str, span: Span) -> Diagnostic:
    """Return: `--platform` whose variables came out empty."""
    return _error(
        "DF0045",
        f"empty platform value from expression {written}",
        span,
        help="give the variable a default, or use a predefined one such as $BUILDPLATFORM",
    )


def unknown_target(name: str, near: str, source: SourceText) -> Diagnostic:
    """Return: `--target` of a stage that is not there; it has no place in the file."""
    return Diagnostic(
        code="DF0046",
        severity=Severity.ERROR,
        message=f"target stage {quote(name)} could not be found{_meant(near)}",
        notes=(f"looked for in {source.name}",),
        help="name one of its stages, or its number; ladle build --call=targets lists them",
    )


def unknown_context_stage(name: str, near: str, span: Span) -> Diagnostic:
    """Return: a named context that stands for a stage that is not there."""
    message = f"the named context is the stage {quote(name)}, which is not there{_meant(near)}"
    return _error("DF0085", message, span, help="name a stage of this build file: --build-context NAME=target:STAGE")


def circular(name: str, span: Span) -> Diagnostic:
    """Return: stages that need each other."""
    return _error(
        "DF0047",
        f"circular dependency detected on stage: {name}",
        span,
        help="let one of the stages build on something else",
    )


def from_variable(span: Span) -> Diagnostic:
    """Return: a variable in `--from`."""
    message = (
        "variable expansion is not supported for --from, "
        "define a new stage with FROM using ARG from global scope as a workaround"
    )
    return _error("DF0048", message, span)


def stage_index(index: int, span: Span) -> Diagnostic:
    """Return: `--from` with the number of a stage that is not there."""
    return _error(
        "DF0049",
        f"invalid stage index {index}",
        span,
        help="stages are numbered from 0, and only earlier ones can be read",
    )


def _later(span: Span, defined: Span) -> tuple[list[Label], str]:
    """Return where a stage is that comes too late, and what to do about it."""
    here = defined.source is span.source
    if here and defined.start <= span.start:
        return [], "a stage cannot read its own result"
    line = defined.source.text.count("\n", 0, defined.start) + 1
    more = [Label(defined, "the stage is defined here")] if here else []
    return more, f"the stage is defined later, at line {line}: move it up"


def later_stage(name: str, current: str, span: Span, defined: Span) -> Diagnostic:
    """Return: `--from` of a stage that comes later; `defined` is its FROM."""
    message = f"cannot copy from stage {quote(name)}, it needs to be defined before current stage {quote(current)}"
    more, advice = _later(span, defined)
    return _error("DF0050", message, span, more=more, help=advice)


def unresolved_base(name: str, reason: str, near: str, span: Span, notes: Sequence[str], help: str) -> Diagnostic:
    """Return: an image that could not be looked up; `reason` is the source's own message."""
    meant = f"did you mean {near}?" if near else ""
    return Diagnostic(
        code="DF0051",
        severity=Severity.ERROR,
        message=f"failed to resolve source metadata for {name}: {reason}",
        labels=(Label(span, meant),),
        notes=tuple(notes),
        help=help,
    )


def bad_image_config(name: str, reason: str, span: Span) -> Diagnostic:
    """Return: an image whose config is not understood."""
    return _error(
        "DF0052",
        f"failed to parse the image config of {name}: {reason}",
        span,
        help="the image is damaged, or is none: look at it with skopeo inspect --config",
    )


def host_not_a_source(span: Span) -> Diagnostic:
    """Return: COPY --from=host://."""
    return _error(
        "DF0053",
        "the host is a base for RUN only: nothing can be copied from it",
        span,
        help="bring the directory as a named context: --build-context NAME=/directory",
    )


# Values.


def bad_signal(name: str, span: Span) -> Diagnostic:
    """Return: STOPSIGNAL with something that is no signal."""
    return _error("DF0062", f"invalid signal: {name}", span, help="a number, or a name such as SIGTERM")


def bad_chmod(value: str, span: Span) -> Diagnostic:
    """Return: `--chmod` with something that is no mode."""
    message = f"invalid chmod parameter: '{value}'. it should be octal string and between 0 and 07777"
    return _error("DF0063", message, span, help="or a symbolic mode such as u=rwX,go-w")


def bad_network(value: str, span: Span) -> Diagnostic:
    """Return: `RUN --network` with another network."""
    return _error("DF0064", f"invalid network mode: {quote(value)}", span, "default, none or host")


def bad_security(value: str, span: Span) -> Diagnostic:
    """Return: `RUN --security` with another mode."""
    return _error("DF0065", f"security {quote(value)} is not valid", span, "sandbox or insecure")


def checksum_of_local(span: Span) -> Diagnostic:
    """Return: `ADD --checksum` of a file of the context."""
    return _error(
        "DF0067",
        "checksum requires HTTP(S) or Git sources",
        span,
        help="leave it out: files of the context are checked by their contents anyway",
    )


def bad_epoch(value: str) -> Diagnostic:
    """Return: SOURCE_DATE_EPOCH with something that is no time; it may come from the command line."""
    return Diagnostic(
        code="DF0068",
        severity=Severity.ERROR,
        message=f"invalid SOURCE_DATE_EPOCH: {quote(value)}",
        help="seconds since 1970-01-01 UTC, context, the name of a repository or download given with --build-context, "
        "or that of a stage on scratch with one ADD of such",
    )


def empty_command(name: str, span: Span) -> Diagnostic:
    """Return: an exec form without any word."""
    return _error("DF0069", f"{name} has no command to run", span, help="write a command as the first word")


def bad_ignore(name: str, reason: str) -> Diagnostic:
    """Return: a `.dockerignore` with a pattern that is none."""
    return Diagnostic(
        code="DF0070",
        severity=Severity.ERROR,
        message=f"failed to parse {name}: {reason}",
        help="patterns know *, ?, [a-z], ** and a ! before exceptions",
    )


def mount_from_variable(span: Span) -> Diagnostic:
    """Return: a variable in the `from` of a mount."""
    return _error(
        "DF0072",
        "'from' doesn't support variable expansion, define alias stage instead",
        span,
        help="FROM image:$VERSION AS name, and from=name",
    )


def later_mount(name: str, target: str, span: Span, defined: Span) -> Diagnostic:
    """Return: a mount of a stage that comes later; `defined` is its FROM."""
    message = (
        f"cannot mount from stage {quote(name)} to {quote(target)}, stage needs to be defined before current command"
    )
    more, advice = _later(span, defined)
    return _error("DF0073", message, span, more=more, help=advice)


def mount_target(target: str, span: Span) -> Diagnostic:
    """Return: a mount over the root, or without a target."""
    return _error("DF0074", f"invalid mount target {quote(target)}", span, help="say where: target=/directory")


def remote_copy(what: str, span: Span) -> Diagnostic:
    """Return: COPY of a URL or a repository."""
    return _error("DF0076", f"source can't be a {what} for COPY", span, help="ADD fetches URLs and repositories")


def bad_repository(reason: str, span: Span) -> Diagnostic:
    """Return: ADD of a repository whose address says what cannot be."""
    return _error(
        "DF0077",
        reason,
        span,
        help="write it as https://host/path.git?ref=NAME&subdir=DIR or https://host/path.git#REF:DIR",
    )


def keep_git_dir_twice(span: Span) -> Diagnostic:
    """Return: `--keep-git-dir` says one thing and the repository's address the other."""
    message = "inconsistent keep-git-dir configuration"
    return _error("DF0086", message, span, help="say it once: by the flag, or by keep-git-dir= in the address")


def commits_differ(flag: str, address: str, span: Span) -> Diagnostic:
    """Return: `--checksum` is another commit than that of the repository's address."""
    message = f"checksum mismatch {quote(flag)} != {quote(address)}"
    return _error("DF0087", message, span, help="say it once: by the flag, or by checksum= in the address")


def bad_checksum(span: Span) -> Diagnostic:
    """Return: `ADD --checksum` of a download with something that is no digest."""
    return _error(
        "DF0078", "invalid checksum digest format", span, help="write it as sha256: and 64 hexadecimal digits"
    )


def checksum_of_several(span: Span) -> Diagnostic:
    """Return: `ADD --checksum` with more than one source."""
    message = "checksum can't be specified for multiple sources"
    return _error("DF0088", message, span, help="give each its own ADD")


def bad_trigger(base: str, trigger: str, reason: str, code: str, span: Span) -> Diagnostic:
    """Return: what is wrong with an ONBUILD trigger of the base; `code` is that of the mistake in it."""
    first, more, _ = trigger.partition("\n")
    return _error(code, reason, span, f"in the trigger `ONBUILD {first}{' ...' if more else ''}` of {base}")


def trigger_not_single(base: str, trigger: str, span: Span) -> Diagnostic:
    """Return: an ONBUILD trigger of the base that is more or less than one instruction."""
    return bad_trigger(base, trigger, "onbuild trigger should be a single expression", "DF0079", span)
