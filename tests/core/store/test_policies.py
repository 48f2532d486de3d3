# SPDX-License-Identifier: Apache-2.0
"""Policies of collections: sizes, durations, filters, defaults, and how much room each leaves."""

from __future__ import annotations

import pytest

from ladle.core.api.errors import UsageError
from ladle.core.store.policies import (
    Policy,
    configured_policies,
    default_policies,
    parse_duration,
    parse_filter,
    parse_size,
)
from ladle.core.store.usage import Item

TB = 10**12


@pytest.mark.parametrize(
    ("value", "bytes_"),
    [(0, 0), (1000, 1000), ("17", 17), ("1kB", 1024), ("512MB", 512 << 20), ("1.5 GiB", 3 << 29), ("10%", TB // 10)],
)
@pytest.mark.row("DM-12")
def test_sizes(value: object, bytes_: int) -> None:
    assert parse_size(value, TB) == bytes_


@pytest.mark.parametrize("value", [-1, True, "", "x", "10 %%", "101%", "1PB", None, []])
def test_sizes_that_are_none(value: object) -> None:
    with pytest.raises(UsageError) as error:
        parse_size(value, TB)
    assert error.value.code == "ST0020"


@pytest.mark.parametrize(
    ("value", "seconds"), [(0, 0), (90, 90), ("90s", 90), ("1h30m", 5400), ("48h", 172800), ("60d", 5184000)]
)
@pytest.mark.row("DM-12")
def test_durations(value: object, seconds: float) -> None:
    assert parse_duration(value) == seconds


@pytest.mark.parametrize("value", [-1, True, "", "h", "1x", "1h 30m", None])
def test_durations_that_are_none(value: object) -> None:
    with pytest.raises(UsageError) as error:
        parse_duration(value)
    assert error.value.code == "ST0021"


ITEM = Item(id="abc", type="regular", path="snapshots/abc", description="RUN make", in_use=True)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("type==regular", True),
        ("type!=regular", False),
        ("id~=^a", True),
        ("id~=^b", False),
        ("inuse", True),
        ("inuse==false", False),
        ("shared", False),
        ("type==regular,id==abc", True),
        ("type==regular, id==x", False),
        ("description~=make", True),
    ],
)
def test_filters(text: str, fits: bool) -> None:
    assert parse_filter(text)(ITEM) is fits


@pytest.mark.parametrize("text", ["", "kind==regular", "type=regular", "id~=(", "type==regular,,"])
def test_filters_that_are_none(text: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_filter(text)
    assert error.value.code == "ST0022"


@pytest.mark.row("DM-13", "DM-14")
def test_the_defaults_are_buildkits() -> None:
    cheap, old, caps, everything = default_policies(TB)
    assert (cheap.keep, cheap.max_used) == (48 * 3600, 512 << 20)
    assert "type==exec.cachemount" in cheap.filters
    assert old.keep == 60 * 86400
    assert [(each.reserved, each.max_used, each.min_free) for each in (old, caps, everything)] == [
        (10 * 10**9, 100 * 10**9, TB // 5)
    ] * 3
    assert [each.all for each in (cheap, old, caps, everything)] == [False, False, False, True]


@pytest.mark.row("DM-15")
@pytest.mark.parametrize(
    ("policy", "total", "free", "room"),
    [
        (Policy(), 100, 0, 0),
        (Policy(max_used=60), 100, 0, 60),
        (Policy(max_used=60, min_free=10), 100, 20, 60),
        (Policy(max_used=60, min_free=70), 100, 20, 50),
        (Policy(max_used=60, min_free=70, reserved=55), 100, 20, 55),
        (Policy(min_free=30), 100, 20, 90),
        (Policy(min_free=10), 100, 20, 100),
        (Policy(reserved=40), 100, 20, 40),
    ],
)
def test_the_room_that_a_policy_leaves(policy: Policy, total: int, free: int, room: int) -> None:
    assert policy.room(total, free) == room


def test_the_configuration_has_bounds_or_policies_or_nothing() -> None:
    assert configured_policies({"enabled": False}, TB) == ()
    bounded = configured_policies({"maxUsedSpace": "1GB"}, TB)[2]
    assert (bounded.max_used, bounded.reserved, bounded.min_free) == (1 << 30, 0, 0)
    tables = [{"filters": ["type==regular"], "keepDuration": "1h", "maxUsedSpace": "10%", "all": True}]
    assert configured_policies({"policy": tables}, TB) == (
        Policy(all=True, filters=("type==regular",), keep=3600.0, max_used=TB // 10),
    )


@pytest.mark.parametrize(
    "section", [{"keep": 1}, {"policy": {}}, {"policy": [{"max": 1}]}, {"policy": [{"filters": "x"}]}]
)
def test_a_configuration_that_is_not_valid_is_named(section: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="section gc") as error:
        configured_policies(section, TB)
    assert error.value.code == "ST0023"
