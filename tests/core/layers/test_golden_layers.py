# SPDX-License-Identifier: Apache-2.0
"""Layers that the real BuildKit made, rebuilt by hand as upper directories: the bytes must be the same.

Recorded from BuildKit 73ed6825 (overlayfs, rewrite-timestamp, SOURCE_DATE_EPOCH=1700000000). A case is
(what lies below, the upper directory, sha256 of the uncompressed layer).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

STUBS = "dev d\nproc d\nsys d\n"
SRC = """
srv d
srv/app d
srv/app/src d 755 5:5
srv/app/src/deep d 755 5:5
srv/app/src/deep/er d 755 5:5
srv/app/src/deep/er/five.txt f 644 5:5 5\\n
srv/app/src/deep/four.md f 644 5:5 4\\n
srv/app/src/deep/three.txt f 644 5:5 3\\n
srv/app/src/one.txt f 644 5:5 1\\n
srv/app/src/two.md f 644 5:5 2\\n
"""
CASES = {
    "empty": ("", "", "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"),
    "workdir": ("", "srv d\nsrv/app d", "8934ff26790cddde356faf2fb267c53ca2fcbc6a111f9def365780cdb33a2920"),
    "copy-chown": ("srv d\nsrv/app d", SRC, "d01fd5185a0315e1ec1cf9724ba722bba45fc37f3d8e65e769db0b538215c22e"),
    "copy-chmod": (
        "srv d\nsrv/app d\nsrv/app/top.txt f 644 0:0 top\\n",
        "srv d\nsrv/app d\nsrv/app/top.txt f 700 0:0 top\\n",
        "c3bacd3d089307cbf7f563a932f8e1f5f717f7efb21c8bc5711acdee3fc5487c",
    ),
    "rm-and-touch": (
        SRC,
        STUBS + "srv d\nsrv/app d\nsrv/app/src d 755 5:5\nsrv/app/src/added f\nsrv/app/src/one.txt w",
        "293b020576f5894f55afdcab13c9f76ee84a4a6d60475160ccb051366d2c04d9",
    ),
    "many": (
        "",
        STUBS + "t d\nt/c f 644 0:0 c\\n\nt/gone d\nt/gone/in d\nt/gone/in/b f 644 0:0 b\\n\n"
        "t/keep d\nt/keep/a f 644 0:0 a\\n",
        "16ac75776e6aee2c888d0dbc821c91ff3093286a8bbc565ce9510a7c66c26fd0",
    ),
    "rm-file-and-dir": (
        "t d\nt/c f\nt/gone d\nt/gone/in d",
        "t d\nt/c w\nt/gone w",
        "d86ab80be58f927280e774864e44724b47315ef5146eb326fe2860d971413fe3",
    ),
    "rm-at-the-top": (
        "bin d\nbin/true f\nt d\nt/keep d",
        "bin d\nbin/true w\nt w",
        "6ee621f6d3922cf375ac0c7d5f60061f94c7e9d4ebc104daea9a9c46f6416c7b",
    ),
    "hard-links": (
        "",
        STUBS + "h d\nh/a f 644 0:0 same\\n\nh/b h 644 0:0 h/a\nh/z h 644 0:0 h/a",
        "07ad421d15f01814b2fb504e58dadf894f95db9d6d59e8821aebe728d4f5bf59",
    ),
    "link-to-a-lower-file": (
        "h d\nh/a f 644 0:0 same\\n\nh/b h 644 0:0 h/a",
        "h d\nh/c f 644 0:0 same\\n",
        "efb3d4744aab72ac2160ab76f1d855c40be996477c0f6b850fd91aad2241f3d9",
    ),
    "append-to-a-link": (
        "h d\nh/a f 644 0:0 same\\n\nh/c h 644 0:0 h/a",
        "h d\nh/c f 644 0:0 same\\nmore\\n",
        "fe4cf77839be09fb5697228d7c89748bf4c20d279b03a6047ea31ca44edb094d",
    ),
    "rm-a-link": (
        "h d\nh/a f 644 0:0 same\\n\nh/b h 644 0:0 h/a",
        "h d\nh/a w",
        "18c172eef26b8f6795aae9949097565c2fa1ed2aa6cb4a8d3d3336568469b8c8",
    ),
    "modes": (
        "",
        STUBS + "m d\nm/su f 4755 0:0 x\\n\nm/sg f 2711 0:0 y\\n\nm/sticky d 1777\nm/z f 644 0:0 z\\n",
        "c8ab9a2a4f276c2dca97e807764d0307d5392770fbeff5a1da9777d4a9a87702",
    ),
    "chown-one": (
        "m d\nm/z f 644 0:0 z\\n",
        "m d\nm/z f 600 12:34 z\\n",
        "ad4ab089e8d9140694b7478cf139307cb3c5aaa83fc965568207ec6e003d2dcb",
    ),
    "chown-all": (
        "m d\nm/sg f 2711 0:0 y\\n\nm/sticky d 1777\nm/su f 4755 0:0 x\\n\nm/z f 600 12:34 z\\n",
        "m d 2770 55:66\nm/sg f 711 55:66 y\\n\nm/sticky d 1777 55:66\nm/su f 755 55:66 x\\n\nm/z f 600 55:66 z\\n",
        "1edc4592c3071b5d00b9abb3c457f23aa5c13f3718330e5e0ab7236404710172",
    ),
    "move": (
        "n d\nn/old d\nn/old/in d\nn/old/in/f f 644 0:0 1\\n\nn/g f 644 0:0 2\\n",
        "n d\nn/g w\nn/gg f 644 0:0 2\\n\nn/new d\nn/new/in d\nn/new/in/f f 644 0:0 1\\n\nn/old w",
        "fa550c377ec7fe802b0e0f18771af69bff6b76c97aca99da06c7dd2f4a0cd839",
    ),
    "move-the-parent": (
        "n d\nn/gg f 644 0:0 2\\n\nn/new d\nn/new/in d\nn/new/in/f f",
        "n w\nnn d\nnn/f f 644 0:0 1\\n\nnn/gg f 644 0:0 2\\n\nnn/new d\nnn/new/in d",
        "c55a3f98bd26f96e10746800a2386a3cc431e5cb110ceeb0944a63c5aafacfef",
    ),
    "dir-made-anew": (
        "r d\nr/dir d\nr/dir/one f\nr/dir/sub d\nr/dir/sub/s f",
        "r d\nr/dir o\nr/dir/two f 644 0:0 new\\n",
        "481a92311b2243b8daecee09fccb95a962fe08bfc89612f68ffd217531f2fa10",
    ),
    "types-swapped": (
        "r d\nr/dir d\nr/dir/two f\nr/file f\nr/ln l 777 0:0 dir",
        "r d\nr/dir f 644 0:0 nowfile\\n\nr/file o\nr/ln f 644 0:0 plain\\n",
        "8b50025e712141c1a53791403545bd7d96b635c8bba3fbe0bec06b27612d2407",
    ),
    "links-and-fifo": (
        "",
        STUBS + "s d\ns/broken l 777 0:0 /nowhere\ns/d d\ns/empty d\ns/fifo p\ns/rel l 777 0:0 d\ns/zero f",
        "79860ca48bacc84b34d1bf83444c90c8311302ab6577073b39bcbd7804687be3",
    ),
    "links-changed": (
        "s d\ns/broken l 777 0:0 /nowhere\ns/empty d\ns/rel l 777 0:0 d",
        "s d\ns/broken l 777 7:8 /nowhere\ns/empty d\ns/empty/v f 644 0:0 via\\n\ns/rel l 777 0:0 empty",
        "660c2e5efdde7fe30c4e0d48398082fd4421a35d7f1afd6bc8332f0277fa0819",
    ),
}


@pytest.mark.root
@pytest.mark.parametrize("case", CASES)
def test_the_layer_is_the_one_of_buildkit(
    case: str, tree: Callable[[str, str], Path], upper_digest: Callable[..., str]
) -> None:
    lower, upper, digest = CASES[case]
    below = tree("lower", lower) if lower else None
    if below:
        for folder, _, files in os.walk(below):
            for name in files:
                os.utime(Path(folder) / name, (1_600_000_000, 1_600_000_000), follow_symlinks=False)
    assert upper_digest(tree("upper", upper), below) == digest
