"""Integrations that hang, fail or talk nonsense: left out, reported, and never anybody else's trouble."""

from __future__ import annotations

import pytest

from rallypoint.domains.integrations import service

from .conftest import Opened

NOT = {"connected": False}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SECONDS", 0.2)


async def test_sources_that_hang_or_fail_are_left_out_and_reported(opened: Opened) -> None:
    async with opened("faulty") as world:
        _, token = await world.register()
        got = await world.ask("GET", "/integrations/status", token=token)
        assert got.status == 200
        names = ("googleCalendar", "zapier", "hanging", "failing", "plain", "odd", "liar")
        assert got.json()["data"] == dict.fromkeys(names, NOT)
        status = world.plugin_status("faulty")
        assert status.status in {"degraded", "retrying"}
        assert status.stage.startswith("status of ")


async def test_a_source_that_is_slow_again_and_again_does_not_stop_its_plugin(opened: Opened) -> None:
    async with opened("slow") as world:
        _, token = await world.register()
        for _ in range(3):
            assert (await world.status(token))["data"]["hanging"] == NOT
        status = world.plugin_status("slow")
        assert (status.status, status.stage) == ("retrying", "status of hanging")


async def test_their_sections_say_that_they_cannot_say(opened: Opened) -> None:
    async with opened("faulty") as world:
        tab = await world.signed_in()
        document = (await tab.open("/settings/integrations")).document
        titles = [element.text for element in document.all("h3")]
        assert titles == ["Failing", "Hanging", "Liar", "Odd", "Plain"]
        assert document.text().count("cannot say how it is just now") == 5


@pytest.mark.parametrize("action", ["bug", "nonsense", "lure"])
async def test_an_action_with_a_bug_says_that_it_was_not_done(opened: Opened, action: str) -> None:
    async with opened("buggy") as world:
        tab = await world.signed_in()
        page = await tab.open("/settings/integrations")
        done = await tab.submit(page.document.form(f"/buggy/{action}"))
        (told,) = done.document.all("p", role="alert")
        assert told.text == "Buggy did not do it. Please try again later."
        assert "password" not in done.document.text()


async def test_colliding_and_malformed_sources_are_left_out_by_name(opened: Opened) -> None:
    async with opened("faulty") as world:
        health = await world.app.opening.plugins.dispatch.call("integrations", "health")
        assert health.state == "degraded"
        for part in (
            "'liar', which faulty has",
            "'Bad_key', which is not camelCase",
            "'nothing' names no service",
            "returned str",
        ):
            assert part in health.reason


async def test_a_quarantined_plugin_is_not_connected_and_its_section_unavailable(opened: Opened) -> None:
    async with opened("faulty") as world:
        world.app.opening.plugins.dispatch.gate("faulty").closed = True
        tab = await world.signed_in()
        assert "Not available just now" in (await tab.open("/settings/integrations")).document.text()
