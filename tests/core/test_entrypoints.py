# SPDX-License-Identifier: Apache-2.0
"""Strangers' plugins are found by their entry points, and a scan is kept as long as nothing is installed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core import entrypoints, installed
from ladle.core.entrypoints import Entry, Strangers
from tests.support.distributions import install, remove, settle

Look = Callable[..., Strangers]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only directory that is searched."""
    directory = tmp_path / "site"
    install(directory, "Acme-Ladle", "1.2", points={"frontend": {"shout": "acme:Shout"}}, files={})
    monkeypatch.setattr(sys, "path", [str(directory)])
    return directory


@pytest.fixture
def said() -> list[str]:
    """Return what was traced."""
    return []


@pytest.fixture
def look(tmp_path: Path, said: list[str]) -> Look:
    """Return a function that makes a fresh look, with a cache below `tmp_path`."""
    return lambda **environ: Strangers({"XDG_CACHE_HOME": str(tmp_path / "cache"), **environ}, trace=said.append)


def names(found: Strangers) -> list[str]:
    return [f"{entry.kind}/{entry.name} of {entry.origin}" for entry in found.all()]


def test_an_entry_point_is_a_plugin(place: Path, look: Look) -> None:
    (entry,) = look().entries("frontend")
    assert (entry.name, entry.target, entry.place) == ("shout", "acme:Shout", str(place))
    assert (entry.origin.distribution, entry.origin.version) == ("Acme-Ladle", "1.2")
    assert look().entries("source") == ()


def test_groups_and_lines_that_are_not_ours_are_nothing(place: Path, look: Look) -> None:
    text = "[ladle.nonsense]\na = b:C\n[ ladle.source ]\n# x = y:Z\nno\n = a:b\nq-1 = p.q : R.S [extra]\n[z]\nn = m:o\n"
    (place / "Acme_Ladle-1.2.dist-info" / "entry_points.txt").write_text(text)
    assert [(entry.kind, entry.name, entry.target) for entry in look().all()] == [("source", "q-1", "p.q:R.S")]


def test_a_scan_is_kept_until_something_is_installed_or_removed(place: Path, look: Look, said: list[str]) -> None:
    first = look().all()
    assert look().all() == first
    assert [text.split(",")[0] for text in said] == [
        "scanned 1 directories: 1 plugins",
        "read what an earlier scan of 1 directories: 1 plugins",
    ]
    install(place, "other", points={"exporter": {"deb": "other:Deb"}}, files={})
    assert names(look()) == ["frontend/shout of Acme-Ladle 1.2", "exporter/deb of other 1.0"]
    install(place, "other", "2.0", points={"exporter": {"deb": "other:Deb"}}, files={})
    assert names(look())[1] == "exporter/deb of other 2.0"
    remove(place, "other")
    assert names(look()) == ["frontend/shout of Acme-Ladle 1.2"]


def test_a_directory_that_has_just_changed_is_looked_at_again(place: Path, look: Look, said: list[str]) -> None:
    os.utime(place)
    look().all()
    look().all()
    assert [text.split()[0] for text in said] == ["scanned", "scanned"]


def test_of_one_distribution_in_two_directories_the_first_counts(
    place: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = place.parent / "second"
    install(second, "acme.ladle", "9", points={"source": {"x": "acme:X"}}, files={})
    monkeypatch.setattr(sys, "path", [str(place), str(second)])
    assert names(look()) == ["frontend/shout of Acme-Ladle 1.2"]
    monkeypatch.setattr(sys, "path", [str(second), str(place)])
    assert names(look()) == ["source/x of acme.ladle 9"]


def test_the_present_directory_holds_nothing_installed(
    place: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "path", ["", str(place)])
    assert installed.directories() == ()
    assert look().all() == ()


@pytest.mark.parametrize(
    ("only", "found"),
    [
        ("", []),
        ("frontend/shout", ["shout"]),
        ("shout", ["shout"]),
        ("other, Acme-Ladle", ["shout"]),
        ("source/shout", []),
    ],
)
def test_a_variable_limits_them(place: Path, look: Look, only: str, found: list[str]) -> None:
    strangers = look(LADLE_PLUGINS=only)
    assert [entry.name for entry in strangers.entries("frontend")] == found
    assert len(strangers.all()) == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "nonsense", '{"form": 1, "scans": 3}', '{"form": 99, "scans": {}}', "[" * 99999]
)
def test_a_broken_cache_is_made_anew(place: Path, look: Look, tmp_path: Path, text: str) -> None:
    kept = tmp_path / "cache" / "ladle" / "plugins.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(text)
    assert names(look()) == ["frontend/shout of Acme-Ladle 1.2"]
    assert json.loads(kept.read_text())["form"] == 1


def test_rows_of_the_cache_that_are_no_plugins_are_not_believed(place: Path, look: Look, tmp_path: Path) -> None:
    kept = tmp_path / "cache" / "ladle" / "plugins.json"
    kept.parent.mkdir(parents=True)
    for rows in (3, [3], [["frontend", "x"]], [["frontend", 1, "a:b", "d", "1", "p"]]):
        kept.write_text(json.dumps({"form": 1, "scans": {installed.fingerprint(): rows}}))
        assert names(look()) == ["frontend/shout of Acme-Ladle 1.2"]


def test_without_a_place_for_the_cache_each_look_scans(place: Path, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for environ in ({}, {"XDG_CACHE_HOME": str(tmp_path / "file")}, {"XDG_CACHE_HOME": "relative"}):
        assert len(Strangers(environ, trace=said.append).all()) == 1
    assert [text.split()[0] for text in said] == ["scanned"] * 3


def test_only_the_latest_scans_are_kept(place: Path, look: Look, tmp_path: Path) -> None:
    for number in range(12):
        (place / str(number)).mkdir()
        os.utime(place, ns=(number, number))
        look().all()
    scans = json.loads((tmp_path / "cache" / "ladle" / "plugins.json").read_text())["scans"]
    assert len(scans) == entrypoints._KEPT
    assert installed.fingerprint() in scans


def test_what_cannot_be_read_has_no_plugins(place: Path, look: Look) -> None:
    (place / "odd.dist-info").write_text("a file")
    (place / "Acme_Ladle-1.2.dist-info" / "METADATA").unlink()
    fifo = place / "pipe-1.dist-info"
    fifo.mkdir()
    os.mkfifo(fifo / "entry_points.txt")
    settle(place)
    (entry,) = look().all()
    assert isinstance(entry, Entry)
    assert str(entry.origin) == "Acme_Ladle 1.2"
