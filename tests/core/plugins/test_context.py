"""What a plugin is handed: signatures of its own, and where the world reaches the server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.plugins.collect import make_context
from rallypoint.plugins.context import Kernel, PluginContext
from rallypoint.plugins.contributions import PluginSettings
from rallypoint.settings import Settings

OLD, NEW = "o" * 32, "n" * 32


def context(name: str = "acme", key: str = NEW, previous: str = "", **more: object) -> PluginContext:
    settings = Settings(_env_file=None, secret_key=key, previous_secret_keys=previous, **more)
    kernel = SimpleNamespace(settings=settings, database=None)
    return make_context(name, cast(Kernel, kernel), PluginSettings())


@given(st.text(), st.text())
def test_a_signature_is_of_one_plugin_one_purpose_and_one_text(text: str, other: str) -> None:
    ctx = context()
    signature = ctx.sign("channel", text)
    assert ctx.is_signed("channel", text, signature)
    assert ctx.is_signed("channel", other, signature) == (text == other)
    assert not ctx.is_signed("state", text, signature)
    assert not context("other").is_signed("channel", text, signature)
    assert not ctx.is_signed("channel", text, other)


def test_a_signature_outlives_the_change_of_its_key() -> None:
    signature = context(key=OLD).sign("channel", "7")
    assert context(previous=OLD).is_signed("channel", "7", signature)
    assert not context().is_signed("channel", "7", signature)


@pytest.mark.parametrize("signature", ["", "ü", "\ud800", "0" * 64, "A" * 10_000])
def test_anything_may_come_back(signature: str) -> None:
    assert not context().is_signed("channel", "7", signature)


def test_the_public_url_has_no_slash_at_its_end() -> None:
    assert context(public_url="https://rally.example/").public_url == "https://rally.example"
    assert context(host="127.0.0.1", port=9000).public_url == "http://127.0.0.1:9000"
