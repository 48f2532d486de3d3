# SPDX-License-Identifier: Apache-2.0
"""Bounds on what strangers send, each met from outside: the error is a clear one, and it comes soon."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from ladle import llb
from ladle.core.api.errors import BuildError
from ladle.core.content.follow import MAX_LINKS, resolve
from ladle.core.layers import decompress, places, tarread, tarsparse
from ladle.core.layers.apply import apply_archive, normal_name
from ladle.core.layers.decompress import BlobReader
from ladle.core.layers.tarread import TarReader
from ladle.core.oci import documents
from ladle.core.oci.media import OCI_MANIFEST
from ladle.core.progress import reporter
from ladle.core.worker import wire
from ladle.llb.errors import LLBError
from ladle.plugins.registry import answers, auth
from ladle.plugins.registry.endpoint import find_endpoint
from ladle.plugins.registry.errors import UnreachableError
from ladle.plugins.registry.head import HEADER_LIMIT, head_digest


def tar_of(*names: str, size: int = 0) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = size
            tar.addfile(info, io.BytesIO(bytes(size)))
    return buffer.getvalue()


def entries(data: bytes) -> int:
    blocks = iter([data])
    reader = TarReader(lambda: next(blocks, b""))
    while reader.next():
        continue
    return reader.entries


def blob(tmp_path: Path, data: bytes) -> Iterator[BlobReader]:
    path = tmp_path / "blob"
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)
    try:
        with BlobReader(fd) as reader:
            yield reader
    finally:
        os.close(fd)


def test_headers_in_a_row_are_counted() -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XGLTYPE, 0
    one = header.tobuf()
    assert entries(one * tarread.MAX_META + tar_of("a")) == 1
    with pytest.raises(BuildError, match="number of headers") as caught:
        entries(one * (tarread.MAX_META + 1) + tar_of("a"))
    assert caught.value.code == "LA0612"


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_header_of_gigabytes_is_not_read(kind: bytes) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, tarread.META_LIMIT + 1
    with pytest.raises(BuildError, match="header size") as caught:
        entries(header.tobuf(format=tarfile.GNU_FORMAT))
    assert caught.value.code == "LA0612"


def test_paths_have_a_limit() -> None:
    assert normal_name(b"a/" * 2047 + b"a") == b"a/" * 2047 + b"a"
    with pytest.raises(BuildError, match="path length") as caught:
        normal_name(b"a/" * 2048 + b"a")
    assert caught.value.code == "LA0612"


def test_sparse_maps_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarsparse, "MAX_FRAGMENTS", 2)
    records = {b"GNU.sparse.map": b"0,1,2,1,4,1"}
    with pytest.raises(BuildError, match="sparse map") as caught:
        tarsparse.pax_map(records, [])
    assert caught.value.code == "LA0610"


def test_what_follows_the_end_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decompress, "MAX_TRAILING", 1 << 20)
    bomb = gzip.compress(tar_of("a") + bytes(8 << 20))
    for reader in blob(tmp_path, bomb):
        (tmp_path / "root").mkdir()
        apply_archive(TarReader(reader.read_block), str(tmp_path / "root"), layer=True)
        with pytest.raises(BuildError, match="after the end") as caught:
            reader.finish()
        assert caught.value.code == "LA0612"


@pytest.mark.parametrize(("kind", "bound"), [("zstd", "ZSTD_WINDOW"), ("xz", "XZ_MEMORY")])
def test_memory_of_decompressors_is_bounded(
    kind: str, bound: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "zstd":
        import zstandard

        parameters = zstandard.ZstdCompressionParameters(window_log=24, format=zstandard.FORMAT_ZSTD1)
        sink = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        data = sink.compress(os.urandom(1 << 20) * 20) + sink.flush()
    else:
        import lzma

        data = lzma.compress(bytes(1 << 20), preset=9)
    monkeypatch.setattr(decompress, bound, 1 << 20)
    for reader in blob(tmp_path, data):
        with pytest.raises(BuildError, match="not valid") as caught:
            reader.finish()
        assert caught.value.code == "LA0621"


def test_links_in_a_circle_end() -> None:
    with pytest.raises(BuildError, match="too many levels") as caught:
        resolve(lambda _: b"x", b"x")
    assert caught.value.code == "LA0306"
    count = iter(range(MAX_LINKS))
    assert resolve(lambda _: b"x" if next(count, None) is not None else None, b"x") == b"x"


@pytest.mark.parametrize(
    ("owner", "name", "value", "message"),
    [
        ("wire", "MAX_DEFINITION_BYTES", 10, "beyond the limit of 10"),
        ("wire", "MAX_OPS", 1, "at most 1"),
        ("wire", "MAX_RESULTS", 0, "at most 0"),
        ("wire", "MAX_SOURCES", 0, "at most 0"),
        ("codec", "MAX_OP_BYTES", 10, "beyond the limit of 10"),
        ("codec", "MAX_INPUTS", 0, "at most 0"),
        ("kinds", "MAX_ITEMS", 0, "at most 0"),
        ("kinds", "MAX_ATTRS", 0, "at most 0"),
    ],
)
def test_each_limit_of_a_graph(
    owner: str, name: str, value: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = llb.SourceInfo(filename="f", language="x", data=b"a\n")
    where = llb.Location(source=source, ranges=(llb.Range(start_line=1, end_line=1),))
    state = llb.local("context", include_patterns=["a"]).run(["a"], location=where).root
    data = llb.marshal(state).to_bytes()
    llb.Definition.from_bytes(data)
    monkeypatch.setattr(f"ladle.llb.{owner}.{name}", value)
    with pytest.raises(LLBError, match=message):
        llb.Definition.from_bytes(data)


def test_texts_and_numbers_of_a_graph_have_a_size() -> None:
    from ladle.llb.kinds import ATTR, TEXT
    from ladle.llb.limits import MAX_ATTR_CHARS, MAX_INDEX, MAX_TEXT_CHARS
    from ladle.llb.ops.checks import check_index

    for kind, limit in ((TEXT, MAX_TEXT_CHARS), (ATTR, MAX_ATTR_CHARS)):
        assert kind.decode("x" * limit) == "x" * limit
        with pytest.raises(LLBError, match=f"beyond the limit of {limit}"):
            kind.decode("x" * (limit + 1))
    with pytest.raises(LLBError, match=str(MAX_INDEX + 1)):
        check_index("merge", "input", MAX_INDEX + 1)


def test_lists_of_a_graph_end_with_the_longest_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladle.llb.wire.MAX_OPS", 4)
    monkeypatch.setattr("ladle.llb.wire.MAX_RANGES", 5)
    with pytest.raises(LLBError, match="not valid msgpack"):
        llb.Definition.from_bytes(b"\x96" + b"\xc0" * 6)


def test_definitions_inside_definitions_have_a_depth() -> None:
    from ladle.llb.protobuf import graph

    with pytest.raises(LLBError, match="deeper than 16"):
        graph.from_protobuf(b"", _nesting=graph.MAX_NESTING + 1)


def test_links_that_dangle_in_a_circle_end(tmp_path: Path) -> None:
    for number in range(places.MAX_LINKS + 1):
        (tmp_path / f"l{number}").symlink_to(f"l{number + 1}/x")
    blocks = iter([tar_of("l0/file")])
    with pytest.raises(BuildError, match="symbolic links") as caught:
        apply_archive(TarReader(lambda: next(blocks, b"")), str(tmp_path), layer=True)
    assert caught.value.code == "LA0614"


def test_json_of_a_graph_has_a_depth() -> None:
    from ladle.llb.render import json as rendered

    assert rendered.MAX_DEPTH == 64
    with pytest.raises(LLBError, match="nested deeper than 64"):
        rendered.read_json('{"ladle.llb": 1, "ops": [{"op": ' + "[" * 70 + "]" * 70 + "}]}")


def test_a_blob_of_exabytes_is_refused() -> None:
    descriptor = {"mediaType": "x", "digest": "sha256:" + "0" * 64, "size": documents.BLOB_LIMIT + 1}
    manifest = {"mediaType": OCI_MANIFEST, "config": descriptor, "layers": []}
    with pytest.raises(BuildError, match="allowed") as caught:
        documents.read_document(json.dumps(manifest).encode(), what="m")
    assert caught.value.code == "LA0208"


def test_documents_have_sizes_and_images_a_number_of_layers() -> None:
    with pytest.raises(BuildError, match="allowed") as caught:
        documents.read_document(b" " * (documents.MANIFEST_LIMIT + 1), what="m")
    assert caught.value.code == "LA0208"
    with pytest.raises(BuildError, match="allowed"):
        documents.read_config(b" " * (documents.CONFIG_LIMIT + 1), what="c")
    descriptor = {"mediaType": "x", "digest": "sha256:" + "0" * 64, "size": 1}
    layers = [descriptor] * (documents.LAYER_LIMIT + 1)
    manifest = {"mediaType": OCI_MANIFEST, "config": descriptor, "layers": layers}
    with pytest.raises(BuildError, match="layers, at most 1024"):
        documents.read_document(json.dumps(manifest).encode(), what="m")


def trickle() -> Iterator[bytes]:
    while True:
        time.sleep(0.01)
        yield b"x"


def test_an_answer_that_trickles_in_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "ANSWER_SECONDS", 0.1)
    with pytest.raises(BuildError, match="did not come to an end") as caught:
        answers.bounded(httpx.Response(200, content=trickle()), 1000, "it")
    assert caught.value.code == "LA0207"
    with pytest.raises(BuildError, match="more than the 3 allowed"):
        answers.bounded(httpx.Response(200, content=trickle()), 3, "it")


def test_an_endless_token_is_refused() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(64 << 10)

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=endless()))
    challenge = auth.Challenge(scheme="bearer", realm="http://127.0.0.1/token")
    with httpx.Client(transport=transport) as http, pytest.raises(BuildError, match="allowed") as caught:
        auth.answer_challenge(http, find_endpoint("127.0.0.1:1"), challenge, None, "scope")
    assert caught.value.code == "LA0208"


def test_a_long_challenge_is_not_read() -> None:
    began = time.process_time()
    assert auth.parse_challenge(["Bearer " + "a" * auth.CHALLENGE_LIMIT]) is None
    assert auth.parse_challenge(["Bearer " + "a" * (auth.CHALLENGE_LIMIT - 20)]) is not None
    assert time.process_time() - began < 2


def serve(connection: socket.socket, data: bytes, pause: float) -> None:
    try:
        with connection:
            while True:
                connection.sendall(data)
                time.sleep(pause)
    except OSError:
        return


@pytest.mark.parametrize(("data", "pause"), [(b"x", 0.02), (b"x" * HEADER_LIMIT, 0)])
def test_an_endless_header_is_given_up(data: bytes, pause: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        thread = threading.Thread(target=lambda: serve(server.accept()[0], data, pause))
        thread.start()
        began = time.monotonic()
        try:
            assert head_digest(find_endpoint(f"127.0.0.1:{port}"), "a", "b", timeout=0.3) == ""
            assert not pause
        except UnreachableError:
            assert pause
        assert time.monotonic() - began < 5
        thread.join()


def test_a_log_has_an_end_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "MAX_LOG_BYTES", 1000)
    shown: list[reporter.Event] = []
    made = reporter.BuildReporter(shown.append, log_dir=str(tmp_path))
    for _ in range(30):
        made.log("sha256:" + "0" * 64, 1, b"x" * 99 + b"\n")
    made.close()
    (log,) = tmp_path.iterdir()
    text = log.read_bytes()
    assert text.startswith(b"x" * 99 + b"\n")
    assert text.endswith(b"[the log ends here: it has reached its limit]\n")
    assert len(text) < 1100
    assert len(shown) == 30


def test_frames_of_the_worker_have_a_size() -> None:
    with pytest.raises(wire.WireError, match="exceeds"):
        wire.frame_length((wire.MAX_FRAME + 1).to_bytes(4, "big"))


def test_a_context_on_stdin_has_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ladle.core.build import remote

    blobs = SimpleNamespace(temporary=lambda: str(tmp_path / "new"))
    environment: Any = SimpleNamespace(services=SimpleNamespace(blobs=blobs))
    monkeypatch.setattr(remote, "STDIN_LIMIT", 1000)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(bytes(1001))))
    with pytest.raises(BuildError, match="on stdin is larger") as caught:
        remote._stdin(environment)
    assert caught.value.code == "LA0134"
    assert list(tmp_path.iterdir()) == []
