# SPDX-License-Identifier: Apache-2.0
"""When a frontend runs again: where something that it read, or was told, has changed, and only then."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle
from tests.support.images import BUSYBOX_CONFIG, Layout, busybox_layer

Write = Callable[..., Path]
HEAVY = ("lark", "yaml", "asyncio", "msgpack", "ladle.core.worker", "ladle.core.build.foreign", "ladle.frontends")
PROGRAM = """
from ladle.frontends.sdk import frontend, llb
import words
try:
    from extra import EXTRA
except ImportError:
    EXTRA = ""

@frontend
def compile(context):
    print("compiling", flush=True)
    said = [words.WORD, EXTRA, context.asset("asset").decode(), (context.read("read") or b"none").decode()]
    said += [context.options.build_args.get("ARG", ""), " ".join(context.list("listed") or ())]
    image = context.resolve_image("base", platform=context.options.platforms[0]) if context.read("wants-base") else None
    return llb.scratch().mkfile("/said", " ".join(said) + (image.config.decode() if image else ""))
"""
FILES = {
    "Dockerfile": "# syntax=./fe/it.py\n",
    "fe/it.py": PROGRAM,
    "fe/words.py": "WORD = 'word'\n",
    "fe/asset": "asset",
    "fe/other": "",
    "read": "read",
    "listed/a": "",
    "other": "",
}
CHANGES: dict[str, tuple[str, str]] = {
    "the frontend's file": ("fe/it.py", PROGRAM.replace("compiling", "compiling, again")),
    "a helper module": ("fe/words.py", "WORD = 'sword'\n"),
    "an absent module that appears": ("fe/extra.py", "EXTRA = 'extra'\n"),
    "an absent package that appears": ("fe/extra/__init__.py", "EXTRA = 'extra'\n"),
    "an asset": ("fe/asset", "another asset"),
    "a file that it read": ("read", "red"),
    "a file that it looked for": ("wants-base", ""),
    "a directory that it listed": ("listed/b", ""),
    "the build file": ("Dockerfile", "# syntax=./fe/it.py\n# a remark\n"),
    "the words after its name": ("Dockerfile", "# syntax=./fe/it.py word\n"),
}
NO_CHANGES: dict[str, tuple[str, str]] = {
    "a file beside it": ("fe/other", "changed"),
    "a new file beside it": ("fe/new.py", ""),
    "a file of the context": ("other", "changed"),
    "a listed file's content": ("listed/a", "changed"),
    "a new file of the context": ("new", ""),
}


def compiled(done: subprocess.CompletedProcess[bytes]) -> bool:
    """Say whether the frontend ran."""
    return b"frontend | compiling" in done.stderr


def test_what_it_read_makes_it_run_again(ladle: Ladle, context: Write) -> None:
    directory = context(FILES)
    assert compiled(ladle("build", directory))
    for name, (path, text) in CHANGES.items():
        before = (directory / path).read_text() if (directory / path).exists() else None
        assert not compiled(ladle("build", directory)), name
        (directory / path).parent.mkdir(exist_ok=True)
        (directory / path).write_text(text)
        assert compiled(ladle("build", directory, check=path != "wants-base")), name
        if before is None:
            (directory / path).unlink()
            if not any((directory / path).parent.iterdir()):
                (directory / path).parent.rmdir()
        else:
            (directory / path).write_text(before)
        ladle("build", directory)


def test_what_it_did_not_read_does_not(ladle: Ladle, context: Write) -> None:
    directory = context(FILES)
    ladle("build", directory)
    for name, (path, text) in NO_CHANGES.items():
        (directory / path).write_text(text)
        assert not compiled(ladle("build", directory)), name


def test_options_count(ladle: Ladle, context: Write) -> None:
    directory = context(FILES)
    ladle("build", directory)
    assert compiled(ladle("build", "--build-arg", "ARG=1", directory))
    assert compiled(ladle("build", "--build-arg", "ARG=2", directory))
    assert not compiled(ladle("build", "--build-arg", "ARG=1", directory))
    assert compiled(ladle("build", "--target", "x", directory))


def test_the_config_of_an_image_counts(ladle: Ladle, context: Write, tmp_path: Path) -> None:
    body = "context.named_context('base', platform=context.options.platforms[0]).image.config.decode()"
    program = f"""
from ladle.frontends.sdk import frontend, llb

@frontend
def compile(context):
    print("compiling", flush=True)
    return llb.scratch().mkfile("/said", {body})
"""
    directory = context({"Dockerfile": "# syntax=./it.py\n", "it.py": program})
    args = ("build", "--build-context", f"base=oci-layout://{tmp_path}/base", "-o", "-", directory)
    for user in ("one", "two"):
        config = {**BUSYBOX_CONFIG, "config": {**BUSYBOX_CONFIG["config"], "User": user}}
        shutil.rmtree(tmp_path / "base", ignore_errors=True)
        Layout(tmp_path / "base").image("latest", config, [busybox_layer()])
        done = ladle(*args)
        assert compiled(done)
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            assert f'"User": "{user}"'.replace(" ", "") in tar.extractfile("said").read().decode().replace(" ", "")  # type: ignore[union-attr]
        assert not compiled(ladle(*args))


def test_no_cache_compiles_anew_and_keeps_what_it_made(ladle: Ladle, context: Write) -> None:
    directory = context(FILES)
    assert compiled(ladle("build", directory))
    assert compiled(ladle("build", "--no-cache", directory))
    assert not compiled(ladle("build", directory))


PYTHON = """# syntax=ladle/python
from ladle.frontends.python import llb, target

@target
def app():
    return llb.scratch().mkfile("/a", "")
"""
YAML = "# syntax=ladle/yaml\nstages:\n  app:\n    from: scratch\n    steps:\n      - directory: /a\n"
KINDS: dict[str, dict[str, str]] = {
    "a file": FILES,
    "an executable": {"Dockerfile": "# syntax=./it\n", "it": ""},
    "an image": {"Dockerfile": "# syntax=oci-layout://LAYOUT:1\n"},
    "ladle/python": {"Dockerfile": PYTHON},
    "ladle/yaml": {"Dockerfile": YAML},
    "dockerfile": {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_cached_build_starts_no_frontend(kind: str, ladle: Ladle, context: Write, tmp_path: Path) -> None:
    files = {name: text.replace("LAYOUT", f"{tmp_path}/fe") for name, text in KINDS[kind].items()}
    directory = context(files)
    if kind == "an executable":
        from tests.e2e.frontends.test_executables import SHELL

        (directory / "Dockerfile").write_text("# syntax=./it\n# SESAME\n")
        (directory / "it").write_text(SHELL)
        (directory / "it").chmod(0o755)
    elif kind == "an image":
        from tests.e2e.frontends.test_images import archive, configured

        own = {name.removeprefix("fe/"): text for name, text in FILES.items() if name.startswith("fe/")}
        own["frontend.py"] = own.pop("it.py")
        Layout(tmp_path / "fe").image("1", configured(), [archive(own)])
    ladle("build", directory)
    again = ladle("build", directory, env={"PYTHONPROFILEIMPORTTIME": "1"})
    lines = [line for line in again.stderr.decode().splitlines() if line.startswith("import time:")]
    imported = [line.rpartition("|")[2].strip() for line in lines]
    assert "ladle.core.cli.fast" in imported
    assert [name for name in imported if name.startswith(HEAVY)] == []
