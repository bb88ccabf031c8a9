"""Samples: never none, newest first, each with an id of its own, in the shape of the hook."""

from __future__ import annotations

import pytest

from rallypoint.domains.booking.api import EVENTS
from rallypoint.storage.ids import new_id
from support.receiver import Receiver

from .conftest import Caller, Zapier


def happen(caller: Caller, zapier: Zapier, event: str, day: int = 1) -> str:
    """Let an event happen and return the id of what it is about."""
    if event == "call.received":
        status, reply = caller("POST", "/api/calls", {"customerName": f"Caller {day}", "duration": 60})
        assert status == 201
        return f"call_{reply['id']}"
    booked = zapier.book(f"2027-06-{day:02}T10:00:00Z")
    path = f"/api/appointments/{booked['id'].removeprefix('appt_')}"
    if event == "appointment.updated":
        assert caller("PATCH", path, {"notes": "changed"})[0] == 200
    elif event != "appointment.created":
        assert (
            caller("POST", f"{path}/{event.partition('.')[2].removesuffix('led').removesuffix('d')}")[0]
            == 200
        )
    return str(booked["id"])


@pytest.mark.parametrize("event", EVENTS)
def test_samples_have_the_shape_of_the_hook(
    alice: Caller, zapier: Zapier, receiver: Receiver, event: str
) -> None:
    status, examples = zapier("GET", f"/samples/{event}")
    assert (status, len(examples)) == (200, 1)
    path = f"/{new_id()}"
    zapier.subscribe(receiver.url + path, event)
    id_ = happen(alice, zapier, event)
    ((_, hook),) = receiver.wait(path, bool, 10)
    (sample,) = zapier("GET", f"/samples/{event}")[1]
    assert sample["data"]["id"] == hook["data"]["id"] == id_
    for shown in (sample, examples[0]):
        assert set(shown) == {*hook, "id"}
        assert set(shown["data"]) == set(hook["data"])
        assert {
            name: type(value) for name, value in shown["data"].items() if value and hook["data"][name]
        } == {name: type(value) for name, value in hook["data"].items() if value and shown["data"][name]}


@pytest.mark.parametrize("event", EVENTS)
def test_the_newest_come_first_with_ids_of_their_own(alice: Caller, zapier: Zapier, event: str) -> None:
    made = [happen(alice, zapier, event, day) for day in range(1, 5)]
    samples = zapier("GET", f"/samples/{event}")[1]
    assert [sample["data"]["id"] for sample in samples] == made[::-1]
    assert len({sample["id"] for sample in samples}) == 4
    assert all(sample["event"] == event for sample in samples)


def test_of_many_only_the_latest_are_shown(alice: Caller, zapier: Zapier) -> None:
    made = [happen(alice, zapier, "call.received", day) for day in range(25)]
    samples = zapier("GET", "/samples/call.received")[1]
    assert [sample["data"]["id"] for sample in samples] == made[:-21:-1]


def test_others_items_are_no_samples(bob: Caller, zapier: Zapier) -> None:
    assert bob("POST", "/api/calls", {"customerName": "Theirs"})[0] == 201
    (example,) = zapier("GET", "/samples/call.received")[1]
    assert example["data"]["id"] == "call_789"


def test_an_unknown_event_is_not_there(zapier: Zapier) -> None:
    for event in ("appointment.deleted", "x" * 500, "%00"):
        status, reply = zapier("GET", f"/samples/{event}")
        assert (status, reply["success"]) == (404, False)
