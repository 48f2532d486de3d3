# SPDX-License-Identifier: Apache-2.0
"""Why a value cannot be: one constructor per mistake, with its own code. The place is known to who asked.

These are the mistakes inside words, mounts, devices, ports and timings; those of whole instructions are in `errors`.
"""

from __future__ import annotations

from ladle.core.api.diagnostics import Diagnostic, Label, Severity, Span
from ladle.frontends.dockerfile.gotext import quote


class ReasonError(ValueError):
    """A value that cannot be; the message is BuildKit's."""

    def __init__(self, code: str, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.help = help

    def at(self, span: Span, before: str = "") -> Diagnostic:
        """Return the mistake with its place; `before` goes before the message."""
        return Diagnostic(
            code=self.code, severity=Severity.ERROR, message=f"{before}{self}", labels=(Label(span),), help=self.help
        )


# Words and what is put into them.


class WordError(ReasonError):
    """A word that cannot be expanded; the message is the reason alone."""

    def of(self, word: str, span: Span) -> Diagnostic:
        """Return the mistake as that of a word of the file."""
        return self.at(span, f"failed to process {quote(word)}: ")


def missing_end(what: str) -> WordError:
    """Return: `${` that nothing closes, or a replacement without its second slash."""
    advice = "close it, or write the escape character before a dollar sign that is meant as such"
    return WordError("DF0110", f"syntax error: missing {what}", help=advice)


def no_name() -> WordError:
    """Return: `${}`, `${:-x}`, `${{a}}`."""
    return WordError("DF0111", "syntax error: bad substitution", help="a name comes first: ${NAME}")


def unknown_modifier(written: str) -> WordError:
    """Return: `${v^}` and all else that is no form of the language."""
    known = ":- - :+ + :? ? # ## % %% / //"
    return WordError("DF0112", f"unsupported modifier ({written}) in substitution", help=f"one of {known}")


def required_variable(name: str, said: str, *, empty: bool) -> WordError:
    """Return: `${v:?e}` of a variable that has no value."""
    problem = "empty" if empty else "unset"
    advice = f"give it a value: --build-arg {name}=VALUE, or a default where ARG {name} is declared"
    return WordError("DF0113", f"{name}: {said or f'is not allowed to be {problem}'}", help=advice)


def open_quote(which: str) -> WordError:
    """Return: a quote that nothing closes."""
    message = f"unexpected end of statement while looking for matching {which}"
    return WordError("DF0114", message, help="close it, or write the escape character before it")


def nested_too_deeply(limit: int) -> WordError:
    """Return: more substitutions inside each other than anybody writes by hand."""
    return WordError("DF0115", "substitutions are nested too deeply", help=f"{limit} levels are allowed")


def expands_too_far(limit: int) -> WordError:
    """Return: variables that make a word grow beyond all bounds."""
    return WordError("DF0116", f"variables expand to more than {limit} characters", help="does a variable hold itself?")


def bad_pattern(pattern: str, escaped: str) -> WordError:
    r"""Return: `\x` in a pattern."""
    message = f"invalid pattern ({pattern}) in substitution: invalid escape '\\{escaped}'"
    return WordError("DF0117", message, help="only *, ? and the escape character itself are escaped in patterns")


def value_too_long(length: int, limit: int) -> WordError:
    """Return: a value that is too long to match patterns with."""
    message = f"a value of {length} characters is too long for a pattern, the limit is {limit}"
    return WordError("DF0118", message, help="cut it in a RUN step")


# Mounts and devices.


def _meant(near: str) -> str:
    return f" (did you mean {near}?)" if near else ""


def mount_not_csv(what: str, reason: str) -> ReasonError:
    """Return: options that are no comma-separated list."""
    advice = 'quote a whole option that has a comma in it: "target=/a,b"'
    return ReasonError("DF0120", f"failed to parse csv {what}: {reason}", help=advice)


def mount_field(field: str) -> ReasonError:
    """Return: a word among the options that needs a value."""
    advice = "only readonly, readwrite and required stand alone"
    return ReasonError("DF0121", f"invalid field '{field}' must be a key=value pair", help=advice)


def mount_key(key: str, field: str, near: str, known: str) -> ReasonError:
    """Return: an option that mounts do not have."""
    return ReasonError("DF0122", f"unexpected key '{key}' in '{field}'{_meant(near)}", help=f"known: {known}")


def mount_type(value: str, near: str, known: str) -> ReasonError:
    """Return: a kind of mount that there is not."""
    return ReasonError("DF0123", f"unsupported mount type {quote(value)}{_meant(near)}", help=f"one of {known}")


def mount_sharing(value: str, near: str, known: str) -> ReasonError:
    """Return: a sharing that there is not."""
    return ReasonError("DF0124", f"unsupported sharing value {quote(value)}{_meant(near)}", help=f"one of {known}")


def mount_not_boolean(key: str, value: str) -> ReasonError:
    """Return: a yes-or-no option with another value."""
    return ReasonError("DF0125", f"invalid value for {key}: {value}", help="true or false")


def mount_number(key: str, value: str) -> ReasonError:
    """Return: mode, uid or gid with something that is no number."""
    advice = "an octal number, such as 0755" if key == "mode" else "a number: names are not looked up for mounts"
    return ReasonError("DF0126", f"invalid value {value} for {key}", help=advice)


def mount_size(key: str, value: str) -> ReasonError:
    """Return: a size that is none."""
    return ReasonError("DF0127", f"invalid value for {key}: {value}", help="bytes, or with a unit: 64m")


def mount_key_of_type(key: str, kind: str, kinds: str) -> ReasonError:
    """Return: an option that only other kinds of mounts have."""
    return ReasonError("DF0128", f"unexpected key '{key}' for mount type '{kind}'", help=f"it is for type={kinds}")


def mount_owner(said: str, kind: str) -> ReasonError:
    """Return: mode, uid or gid of a bind or tmpfs mount."""
    advice = "it is for type=cache, secret and ssh"
    return ReasonError("DF0129", f"{said} not allowed for {quote(kind)} type mounts", help=advice)


def secret_from() -> ReasonError:
    """Return: a secret of a stage."""
    advice = "secrets come from the command line: --secret id=NAME,src=FILE"
    return ReasonError("DF0130", "secret mount should not have a from", help=advice)


def secret_sharing() -> ReasonError:
    """Return: a secret with sharing."""
    return ReasonError("DF0131", "secret mount should not define sharing", help="leave it out: it is for type=cache")


def secret_without_name() -> ReasonError:
    """Return: a secret that nothing names."""
    message = "invalid secret mount. one of source, target required"
    return ReasonError("DF0132", message, help="name it: id=NAME")


def secret_two_names() -> ReasonError:
    """Return: a secret with both spellings of its name."""
    return ReasonError("DF0133", "both source and id can't be set", help="they mean the same: keep id")


def sharing_of_other(kind: str) -> ReasonError:
    """Return: sharing of a mount that is no cache."""
    return ReasonError("DF0134", f"invalid cache sharing set for {kind} mount", help="it is for type=cache")


def ssh_source() -> ReasonError:
    """Return: an ssh socket with a source."""
    return ReasonError("DF0135", "ssh does not support source", help="name the agent: id=NAME")


def second_device(name: str) -> ReasonError:
    """Return: a device with two names."""
    advice = "a --device for each device"
    return ReasonError("DF0136", f"device name already set to {name}", help=advice)


def no_device() -> ReasonError:
    """Return: `--device=required`."""
    return ReasonError("DF0137", "device name is required", help="--device=VENDOR/CLASS=NAME")


# Timings of HEALTHCHECK.


def retries_no_number(text: str) -> ReasonError:
    """Return: `--retries` with something that is no number."""
    return ReasonError("DF0140", f"--retries is not a number: {quote(text)}", help="how often it may fail: --retries=3")


def retries_negative(number: int) -> ReasonError:
    """Return: `--retries` below zero."""
    return ReasonError("DF0141", f"--retries cannot be negative ({number})", help="0 takes the default")


def bad_duration(reason: str) -> ReasonError:
    """Return: a duration that is none."""
    return ReasonError("DF0142", reason, help="a number and a unit: 500ms, 30s, 1m30s")


def short_interval(name: str) -> ReasonError:
    """Return: a duration that no clock can keep."""
    advice = "at least 1ms; 0 takes the default"
    return ReasonError("DF0143", f"Interval {quote(name)} cannot be less than 1ms", help=advice)


# Ports of EXPOSE.


def no_port(text: str) -> ReasonError:
    """Return: EXPOSE of nothing."""
    return ReasonError("DF0145", f"no port specified: {text}<empty>", help="EXPOSE 80/tcp")


def bad_protocol(name: str) -> ReasonError:
    """Return: a protocol that ports do not have."""
    return ReasonError("DF0146", f"invalid proto: {name}", help="tcp, udp or sctp")


def port_ranges(container: str, published: str) -> ReasonError:
    """Return: ranges of different lengths."""
    message = f"invalid ranges specified for container and host Ports: {container} and {published}"
    return ReasonError("DF0147", message, help="EXPOSE takes the container's ports only")


def bad_address(ip: str) -> ReasonError:
    """Return: an address that is none."""
    return ReasonError("DF0148", f"invalid IP address: {ip}", help="EXPOSE takes the container's ports only")


def bad_port(problem: str, text: str) -> ReasonError:
    """Return: a number that is no port."""
    return ReasonError("DF0149", problem + text, help="a number up to 65535, or a range such as 8000-8010")
