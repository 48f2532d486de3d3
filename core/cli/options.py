# SPDX-License-Identifier: Apache-2.0
"""The flags of `ladle build`, once: the fast path parses by this table, and the click command is made from it.

Spelled as `docker buildx build` spells them. A flag is a tuple (key, spellings, kind, metavar, help); kinds are
`one` (last wins), `many`, `flag` and `bool` (`--x`, `--x=true|false`).
"""

from __future__ import annotations

Flag = tuple[str, tuple[str, ...], str, str, str]

BUILD_FLAGS: tuple[Flag, ...] = (
    ("file", ("-f", "--file"), "one", "PATH", "Build file (default: PATH/Dockerfile; `-` reads it from stdin)"),
    ("tags", ("-t", "--tag"), "many", "NAME[:TAG]", "Name of the image"),
    ("target", ("--target",), "one", "STAGE", "Stage to build (default: the last)"),
    ("build_args", ("--build-arg",), "many", "K[=V]", "Build argument; without =V its value is the environment's"),
    ("labels", ("--label",), "many", "K=V", "Label of the image"),
    ("outputs", ("-o", "--output"), "many", "DEST|type=T,K=V", "Where the result goes; several are allowed"),
    (
        "contexts",
        ("--build-context",),
        "many",
        "NAME=VALUE",
        "Named context: directory, repository, URL, oci-layout://, docker-image://, host://, target:STAGE, input:NAME",
    ),
    ("secrets", ("--secret",), "many", "id=NAME[,src=FILE|env=VAR]", "Secret that steps can mount; kept nowhere"),
    ("agents", ("--ssh",), "many", "default|ID[=SOCKET|KEY,…]", "Agent that steps can use; `,raw=true`: any socket"),
    ("platforms", ("--platform",), "many", "OS/ARCH", "Platform to build for; a comma-separated list is allowed"),
    ("no_cache", ("--no-cache",), "bool", "", "Compile the build file and run every step again"),
    ("no_cache_filter", ("--no-cache-filter",), "many", "STAGE", "Run the steps of these stages again"),
    ("pull", ("--pull",), "bool", "", "Ask registries for tags even where the last answer is young"),
    ("network", ("--network",), "one", "MODE", "Network of RUN steps: default, none or host"),
    ("add_hosts", ("--add-host",), "many", "HOST:IP", "Entry for /etc/hosts of RUN steps"),
    ("ulimits", ("--ulimit",), "many", "NAME=SOFT[:HARD]", "Limit for RUN steps"),
    ("shm_size", ("--shm-size",), "one", "BYTES", "Size of /dev/shm of RUN steps"),
    ("jobs", ("-j", "--jobs"), "one", "N", "Steps that run at the same time (default: no limit but the machine's)"),
    ("executor", ("--executor",), "one", "NAME", "How steps run: auto, oci, crun, runc or native"),
    ("syntax", ("--syntax",), "one", "NAME", "Frontend to use, before any `# syntax=`"),
    (
        "allow",
        ("--allow",),
        "many",
        "NAME",
        "Grant: host, network.host, security.insecure, device[=NAME], local.delete",
    ),
    (
        "call",
        ("--call",),
        "one",
        "METHOD",
        "Ask about the build file: check, outline, targets, describe or schema, then `,format=json` or `,ignorestatus`",
    ),
    ("check", ("--check",), "bool", "", "Only check the build file: --call=check; --check=fix mends it as well"),
    ("metadata_file", ("--metadata-file",), "one", "PATH", "Write what was made as JSON"),
    ("iidfile", ("--iidfile",), "one", "PATH", "Write the image's digest"),
    ("progress", ("--progress",), "one", "MODE", "auto, plain, quiet or rawjson"),
    ("quiet", ("-q", "--quiet"), "bool", "", "Print only errors and the result"),
    ("offline", ("--offline",), "bool", "", "Never use the network for tags and images"),
    ("llb", ("--llb",), "one", "FILE", "Solve this serialized graph instead of a build file (`-`: stdin)"),
    ("root", ("--root",), "one", "DIR", "The store (default: $LADLE_ROOT)"),
)

Values = dict[str, object]


class NotPlainError(Exception):
    """The arguments need the full command line parser (help, a mistake, an unusual spelling)."""


def parse_plain(argv: list[str], flags: tuple[Flag, ...] = BUILD_FLAGS) -> tuple[Values, list[str]]:
    """Return the flags' values and the positional arguments; raises `NotPlainError` for whatever is not plain."""
    by_name = {name: flag for flag in flags for name in flag[1]}
    values = defaults(flags)
    rest: list[str] = []
    index = 0
    while index < len(argv):
        word = argv[index]
        index += 1
        if word == "-" or not word.startswith("-"):
            rest.append(word)
            continue
        if word.startswith("--"):
            name, equals, value = word.partition("=")
        else:
            name, value = word[:2], word[2:]
            equals = value
        flag = by_name.get(name)
        if flag is None:
            raise NotPlainError
        key, _, kind, _, _ = flag
        if key == "check" and value == "fix":
            values["call"] = "check,fix"
            continue
        if kind == "bool":
            if equals and (not word.startswith("--") or value not in ("true", "false")):
                raise NotPlainError
            values[key] = value != "false"
            continue
        if not equals:
            if index == len(argv):
                raise NotPlainError
            value = argv[index]
            index += 1
        if kind == "many":
            values[key] = (*values[key], value)  # type: ignore[misc]
        else:
            values[key] = value
    return values, rest


def defaults(flags: tuple[Flag, ...] = BUILD_FLAGS) -> Values:
    """Return each flag's value when it is not given."""
    empty: dict[str, object] = {"many": (), "bool": False, "one": ""}
    return {flag[0]: empty[flag[2]] for flag in flags}
