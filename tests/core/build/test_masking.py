# SPDX-License-Identifier: Apache-2.0
"""Secrets are masked wherever a chunk ends, and nothing else is changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ladle.core.build.masking import MASK, Masker

KEY = b"-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----\n"


def masked(secrets: list[bytes], *chunks: bytes, stream: int = 1) -> bytes:
    masker = Masker(secrets)
    shown = [masker.feed(stream, chunk) for chunk in chunks]
    return b"".join([*shown, *(data for _, data in masker.rest())])


def test_without_secrets_output_passes_as_it_is() -> None:
    masker = Masker([])
    assert masker.feed(1, b"anything") == b"anything"
    assert masker.rest() == []


def test_a_secret_is_masked_with_and_without_its_newline() -> None:
    assert masked([b"hunter2\n"], b"it is hunter2!\nhunter2\n") == b"it is ***!\n***\n"
    assert masked([b"hunter2"], b"hunter2\nhunter2") == b"***\n***"


def test_a_secret_over_many_chunks_is_masked() -> None:
    chunks = [bytes([byte]) for byte in b"a hunter2 b hunterhunter2"]
    assert masked([b"hunter2"], *chunks) == b"a *** b hunter***"


def test_lines_of_a_long_secret_are_masked_each() -> None:
    assert masked([KEY], b"  abcdefgh\n  ijklmnop\nabcd\n") == b"  ***\n  ***\nabcd\n"
    assert masked([KEY], KEY[:30], KEY[30:]) == MASK + b"\n"


def test_short_values_are_left() -> None:
    assert masked([b"abc", b"", b"1\n"], b"abc 1\n") == b"abc 1\n"


def test_streams_are_kept_apart() -> None:
    masker = Masker([b"hunter2"])
    shown = [(1, masker.feed(1, b"hun")), (2, masker.feed(2, b"ter2")), (1, masker.feed(1, b"ter2"))]
    assert shown == [(1, b""), (2, b"ter2"), (1, b"***")]


def test_what_was_kept_back_comes_at_the_end() -> None:
    masker = Masker([b"hunter2"])
    assert masker.feed(2, b"a hunt") == b"a "
    assert masker.rest() == [(2, b"hunt")]
    assert masker.rest() == []


SMALL = st.binary(min_size=0, max_size=12).map(lambda data: bytes(b"ab"[byte % 2] for byte in data))


@given(st.lists(SMALL, max_size=3), st.lists(SMALL, max_size=8))
def test_no_way_of_cutting_shows_a_secret(secrets: list[bytes], chunks: list[bytes]) -> None:
    shown = masked(secrets, *chunks)
    assert not any(len(secret.strip()) >= 4 and secret in shown for secret in secrets)
    if not any(len(secret.strip()) >= 4 for secret in secrets):
        assert shown == b"".join(chunks)
