"""A program in C, compiled in one image and shipped in another."""

from ladle.frontends.python import Image, copy, image, run, target, workdir

INSTALL = """\
make check
make install DESTDIR=/out
strip /out/usr/bin/tool
"""


@target
def build(version: str = "1.0"):
    """The compiled program below /out."""
    given = {"version": version}
    return image("gcc:13").with_(
        workdir("/src"),
        copy("Makefile", to="./"),
        copy("src/", to="src/"),
        run("make VERSION=$version", env=given),
        run(INSTALL, env=given),
    )


@target
def tool():
    """The program alone."""
    tree = image("debian:bookworm-slim").with_(copy("/out/", source=build(), to="/"))
    return Image(tree, entrypoint=["/usr/bin/tool"])
