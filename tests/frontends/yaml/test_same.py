# SPDX-License-Identifier: Apache-2.0
"""What YAML says in a word is what a Dockerfile spells out."""

from __future__ import annotations

import pytest

from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.frontends.testing import compiled, failure, same_graph
from ladle.frontends.yaml.frontend import YamlFrontend
from ladle.frontends.yaml.lower_packages import _APT_CONF, _APT_LEFT

PACKAGES = f"""\
FROM scratch AS conf
COPY <<EOF /zz-ladle
{_APT_CONF}EOF

FROM debian:12
RUN --mount=type=bind,from=conf,source=/zz-ladle,target=/etc/apt/apt.conf.d/zz-ladle \\
    --mount=type=cache,target=/var/cache/apt,id=packages/apt/linux/amd64/debian:12,sharing=locked \\
    --mount=type=cache,target=/var/lib/apt/lists,id=packages/apt-lists/linux/amd64/debian:12,sharing=locked \\
    ["/bin/sh", "-c", "set -e\\nexport DEBIAN_FRONTEND=noninteractive\\napt-get update\\n\
apt-get install -y --no-install-recommends -- gcc make\\nrm -rf {_APT_LEFT}"]
"""


def yaml(stage: str) -> str:
    """Return a build file of one stage on Debian."""
    return f"stages:\n  a:\n    from: debian:12\n    {stage}\n"


@pytest.mark.parametrize(
    ("dockerfile", "stage"),
    [
        (PACKAGES, "packages: {apt: [gcc, make]}"),
        ("FROM debian:12\nRUN <<EOF\nset -e\na\nb\nEOF\n", 'steps: [{run: "a\\nb\\n"}]'),
        ("FROM debian:12\nCOPY <<EOF /etc/x\nhi\nEOF\n", 'steps: [{file: /etc/x, content: "hi\\n"}]'),
        ("FROM debian:12\nRUN --mount=type=ssh,id=k a\n", "steps: [{run: a, ssh: k}]"),
        (
            "FROM debian:12\nENV PATH=/opt/bin:$PATH\nENV B=$PATH\nRUN a\n",
            'steps: [{env: {PATH: "/opt/bin:${{ env.PATH }}"}}, {env: {B: "${{ env.PATH }}"}}, {run: a}]',
        ),
    ],
)
def test_a_word_is_what_a_dockerfile_spells_out(dockerfile: str, stage: str) -> None:
    other = compiled(YamlFrontend, yaml(stage), filename="ladle.yaml")
    same_graph(compiled(DockerfileFrontend, dockerfile), other)


def test_variables_of_the_base_and_of_other_stages_are_seen() -> None:
    text = yaml("env: {A: 1}") + '  b:\n    from: a\n    steps: [{run: "x ${{ env.A }} ${{ env.HOME }}"}]\n'
    images = {"debian:12": {"Env": ["PATH=/bin", "HOME=/root"]}}
    made = compiled(YamlFrontend, text, filename="ladle.yaml", images=images)
    same_graph(made, compiled(DockerfileFrontend, "FROM debian:12\nENV A=1\nRUN x 1 /root\n", images=images))


def test_variables_that_are_set_again_have_the_same_order() -> None:
    images = {"debian:12": {"Env": ["PATH=/bin", "HOME=/root"]}}
    made = compiled(YamlFrontend, yaml("steps: [{env: {PATH: /x}}, {run: a, env: {HOME: /}}]"), images=images)
    dockerfile = "FROM debian:12\nENV PATH=/x\nARG HOME=/\nRUN a\n"
    same_graph(made, compiled(DockerfileFrontend, dockerfile, images=images))


def test_a_variable_that_is_not_set_is_an_error() -> None:
    said = failure(YamlFrontend, yaml('env: {PATH: "/x:${{ env.PAHT }}"}'), filename="ladle.yaml")
    assert "--> ladle.yaml:4:25" in said
    assert "did you mean `env.PATH`?" in said


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("image: {expose: 80}", "did you mean `ports`?"),
        ("steps: [{copy: a, to: b, chown: c}]", "did you mean `owner`?"),
        ("steps: [{copy: a, dest: b}]", "did you mean `to`?"),
        ("workdri: /", "did you mean `workdir`?"),
        ("steps: [make]", "write one that begins with `run`"),
    ],
)
def test_who_thinks_of_a_dockerfile_is_told_the_key(stage: str, words: str) -> None:
    said = failure(YamlFrontend, yaml(stage), filename="ladle.yaml")
    assert "--> ladle.yaml:4:" in said
    assert words in said
