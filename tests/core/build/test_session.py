# SPDX-License-Identifier: Apache-2.0
"""The session: names of this build to directories, layouts and secrets."""

from __future__ import annotations

import pytest

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.build.session import LocalSession


def test_names_lead_to_places() -> None:
    session = LocalSession()
    session.add_local("context", "/c")
    session.add_layout("base", "/l")
    assert (session.local("context"), session.layout("base"), session.secret("id")) == ("/c", "/l", None)


def test_an_unknown_name_says_how_to_give_it() -> None:
    session = LocalSession()
    session.add_layout("x", "/l")
    session.add_local("y", "/c")
    with pytest.raises(BuildError) as local:
        session.local("x")
    with pytest.raises(BuildError) as layout:
        session.layout("y")
    assert (local.value.code, local.value.help) == ("LA0120", "give it with --build-context x=DIR")
    assert (layout.value.code, layout.value.help) == ("LA0121", "give it with --build-context y=oci-layout://DIR")


def test_a_relative_directory_is_a_mistake_of_ours() -> None:
    with pytest.raises(InternalError, match="not absolute"):
        LocalSession().add_local("context", "c")
