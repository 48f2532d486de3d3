# SPDX-License-Identifier: Apache-2.0
"""Steps of a program mean what the Dockerfile's instructions mean, and say what is wrong where they are written."""

from __future__ import annotations

import pytest

from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.frontends.python.frontend import PythonFrontend
from ladle.frontends.testing import compiled, failure, same_graph, shown

HEAD = "from ladle.frontends.python import *\n@target\ndef other():\n    return image('nginx:1')\n"


def program(steps: str) -> str:
    """Return a build file whose target puts steps on an image."""
    return f"{HEAD}@target\ndef a():\n    return image('debian').with_({steps})\n"


SAME = [
    ("COPY --from=nginx:1 /a /b", "copy('/a', to='/b', source='nginx:1')"),
    ("COPY --from=nginx:1 /a /b", "copy('/a', to='/b', source=other)"),
    ("COPY --from=nginx:1 /a /b", "copy('/a', to='/b', source=Image(other()))"),
    ("COPY a* b/ c/", "copy('a*', 'b/', to='c')"),
    ("COPY --chmod=0640 --chown=1:2 a .", "copy('a', to='.', owner='1:2', mode='0640')"),
    ("COPY --chmod=u+x --exclude=*.o a /b", "copy('a', to='/b', mode='u+x', exclude=['*.o'])"),
    ("COPY --chmod=0755 <<EOF /x/run\nhi\nEOF", "file('/x/run', 'hi\\n', mode=0o755)"),
    ("WORKDIR a\nUSER app\nWORKDIR b\nWORKDIR /", "workdir('a'), user('app'), workdir('b'), workdir('/')"),
    ("ENV A=1\nRUN make", "env(A='1'), run('make')"),
    ("RUN <<EOF\nset -e\na\nb\nEOF", "run('a\\nb\\n')"),
    ('RUN ["printf", ""]', "run(['printf', ''])"),
    ("RUN --network=none --mount=type=ssh a", "run('a', network='none', ssh=True)"),
    ("RUN --mount=type=secret,id=x a", "run('a', secrets=['x'])"),
    ("RUN --mount=type=secret,id=x,required=true a", "run('a', secrets=[secret('x')])"),
    (
        "RUN --mount=type=cache,target=c,id=n,sharing=private a",
        "run('a', cache=[cached('c', id='n', sharing='private')])",
    ),
    ("RUN --mount=type=bind,target=/in a", "run('a', mounts=[mounted('/in')])"),
    ("RUN --mount=type=bind,from=nginx:1,source=/x,target=/in a", "run('a', mounts=[mounted('/in', other, path='x')])"),
]


@pytest.mark.parametrize("args", [{}, {"BUILDKIT_CACHE_MOUNT_NS": "n", "SOURCE_DATE_EPOCH": "9", "HTTP_PROXY": "p"}])
@pytest.mark.parametrize(("instructions", "steps"), SAME)
def test_a_step_is_its_instruction(instructions: str, steps: str, args: dict[str, str]) -> None:
    dockerfile = compiled(DockerfileFrontend, f"FROM debian\n{instructions}\n", build_args=args)
    same_graph(dockerfile, compiled(PythonFrontend, program(steps), filename="ladle.py", build_args=args))


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("run('')", "run() has no command"),
        ("run([])", "run() has no command"),
        ("copy(to='/b')", "copy() has no path"),
        ("copy('', to='/b')", "copy() has no path"),
        ("run('a', network='off')", "there are 'default', 'none', 'host'"),
        ("run('a', cache=[cached('/c', sharing='lock')])", "did you mean 'locked'?"),
        ("copy('a', to='b', mode=644)", "write it as 0o644"),
        ("copy('a', to='b', mode=755)", "write it as 0o755"),
        ("copy('a', to='b', mode='rw')", "the mode 'rw' is none"),
        ("copy('a', to='b', mode=-1)", "the mode -1 is none"),
    ],
)
def test_what_is_wrong_is_said_where_it_is_written(steps: str, words: str) -> None:
    said = failure(PythonFrontend, program(steps), filename="ladle.py")
    assert "error[PF0021]" in said
    assert "--> ladle.py:7:" in said
    assert words in said


def test_the_place_of_a_step_is_where_it_is_described() -> None:
    text = program("\n        run('x'),\n        run('y'),\n    ")
    made = compiled(PythonFrontend, text, filename="ladle.py")
    definition = made.images[0].state.marshal()
    places = [
        part.start_line
        for vertex in definition.vertices[1:]
        for location in definition.locations[vertex.digest]
        for part in location.ranges
    ]
    assert places == [8, 9]


def test_an_entrypoint_forgets_the_base_s_cmd() -> None:
    images = {"debian": {"Cmd": ["bash"], "Env": ["PATH=/bin"]}}
    text = (
        "from ladle.frontends.python import *\n@target\ndef a():\n    return Image(image('debian'), entrypoint=['x'])\n"
    )
    assert '"Cmd"' not in shown(compiled(PythonFrontend, text, filename="ladle.py", images=images))
    kept = text.replace("entrypoint=['x']", "user='app'")
    assert '"Cmd": ["bash"]' in shown(compiled(PythonFrontend, kept, filename="ladle.py", images=images))
