"""Configurations, pointers and pacing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.errors import BadConfig, RetryLater
from rallypoint.sdk import Inbound
from rallypoint_partners.config import load_configs
from rallypoint_partners.pace import Pace
from rallypoint_partners.pointer import resolve
from rallypoint_partners.settings import PartnersSettings
from rallypoint_partners.webhooks import delivery_id

# The examples of RFC 6901 §5.
RFC = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}
EXAMPLES = {
    "": RFC,
    "/foo": ["bar", "baz"],
    "/foo/0": "bar",
    "/": 0,
    "/a~1b": 1,
    "/c%d": 2,
    "/e^f": 3,
    "/g|h": 4,
    "/i\\j": 5,
    '/k"l': 6,
    "/ ": 7,
    "/m~0n": 8,
}


@pytest.mark.parametrize(("pointer", "value"), EXAMPLES.items())
def test_pointers_of_the_rfc(pointer: str, value: Any) -> None:
    assert resolve(RFC, pointer) == value


@pytest.mark.parametrize("pointer", ["/none", "/foo/2", "/foo/-", "/foo/x", "/foo/0/deeper"])
def test_pointers_to_nowhere(pointer: str) -> None:
    assert resolve(RFC, pointer) is None


_json = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(_json, st.text(max_size=20))
def test_any_pointer_into_anything_is_harmless(document: Any, pointer: str) -> None:
    resolve(document, pointer)


@given(st.dictionaries(st.text(), st.integers(), min_size=1))
def test_every_key_can_be_named(document: dict[str, int]) -> None:
    for key, value in document.items():
        assert resolve(document, "/" + key.replace("~", "~0").replace("/", "~1")) == value


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("name = ", "bad.toml"),
        ('name = "x"\ntitle = "X"\ncapabilities = ["list"]', "list"),
        ('name = "x"\ntitle = "X"\ncapabilities = ["fly"]', "capabilities"),
        ('name = "x"\ntitle = "X"\ncapabilities = []\nunknown = 1', "unknown"),
        ('name = "X y"\ntitle = "X"\ncapabilities = []', "name"),
        ('name = "x"\ntitle = "X"\ncapabilities = []\n[webhook]\nheader = "S"\ntemplate = "x"', "body"),
        (
            'name = "x"\ntitle = "X"\ncapabilities = []\n[webhook]\nheader = "S"\ntemplate = "{timestamp}{body}"',
            "timestamp_header",
        ),
    ],
)
def test_a_wrong_configuration_names_file_and_field(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(BadConfig, match=f"bad.toml.*{where}|{where}"):
        load_configs(tmp_path)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="CONFIG_DIR"):
        load_configs(tmp_path / "nothing")


def test_a_file_replaces_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "flow-club.toml").write_text('name = "flow-club"\ntitle = "Ours"\ncapabilities = []')
    configs = load_configs(tmp_path)
    assert configs["flow-club"].title == "Ours"
    assert set(configs) == {"flow-club", "study-together"}


def test_secrets_are_in_no_repr() -> None:
    access = {"acme": {"api_key": "k-secret", "webhook_secret": "w-secret"}}
    settings = PartnersSettings.model_validate({"access": access, "flow_club_api_key": "f-secret"})
    assert "secret" not in json.dumps(repr(settings)).replace("webhook_secret", "").replace("_secret_", "")
    assert settings.access_of("acme").api_key.get_secret_value() == "k-secret"
    assert settings.access_of("flow-club").api_key.get_secret_value() == "f-secret"
    assert not settings.access_of("nobody").has_owner


@pytest.mark.parametrize("body", [b"a", b"{}", b'{"id":null}', b'{"id":true}', b'{"id":[1]}', b'{"id":""}'])
def test_a_delivery_without_an_id_goes_by_what_is_signed(body: bytes) -> None:
    webhook = load_configs(None)["flow-club"].webhook
    assert webhook is not None

    def id_of(body: bytes, stamp: str = "1") -> str:
        return delivery_id(webhook, Inbound(body, {"x-flow-timestamp": stamp}, {}, ""))

    assert id_of(b'{"id":7}') == id_of(b'{"id":"7"}', "2") == "7"
    assert id_of(body) == id_of(body)
    assert len({id_of(body), id_of(body, "2"), id_of(body + b" ")}) == 3


async def test_the_pace_is_kept() -> None:
    now = 0.0
    pace = Pace(3, clock=lambda: now)
    for _ in range(3):
        await pace.turn()
    with pytest.raises(RetryLater) as error:
        await pace.turn()
    assert error.value.after == 60
    now = 61.0
    await pace.turn()
