"""Hooks: subscribed, sent durably with the key, and ended at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rallypoint.storage.ids import new_id
from rallypoint.testing.server import ServerProcess
from support.receiver import Receiver

from .conftest import Caller, Zapier, zapier_of

EVENTS = ("appointment.created", "appointment.updated", "appointment.cancelled", "appointment.completed")


def some(number: int) -> Callable[[list[Any]], bool]:
    return lambda events: len(events) >= number


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def hooks(caller: Caller) -> list[dict[str, Any]]:
    status, reply = caller("GET", "/api/v1/webhooks")
    assert status == 200
    return [hook for hook in reply["data"] if hook["kind"] == "zapier.hook"]


def test_every_event_arrives_with_the_documented_body_and_the_key(
    alice: Caller, zapier: Zapier, receiver: Receiver
) -> None:
    path = f"/{new_id()}"
    for event in (*EVENTS, "call.received"):
        zapier.subscribe(receiver.url + path, event)
    first = zapier.book(notes="First consultation", customerPhone="+44 7700 900123", duration=30)
    move = {"appointmentId": first["id"], "scheduledAt": "2027-01-02T14:00:00+01:00"}
    assert zapier("POST", "/actions/reschedule-appointment", move)[0] == 200
    cancel = {"appointmentId": first["id"], "reason": "Customer requested cancellation"}
    assert zapier("POST", "/actions/cancel-appointment", cancel)[0] == 200
    second = zapier.book("2027-01-03T10:00:00Z")
    number = second["id"].removeprefix("appt_")
    assert alice("POST", f"/api/appointments/{number}/complete")[0] == 200
    call = {
        "customerName": "John Doe",
        "customerPhone": "+44 7700 900123",
        "duration": 180,
        "sentiment": "positive",
    }
    assert alice("POST", "/api/calls", call)[0] == 201
    came = receiver.wait(path, some(6), 15)
    bodies = {body["event"]: body for _, body in came if body["data"]["id"] != second["id"]}
    assert sorted(body["event"] for _, body in came) == sorted(
        ["appointment.created", *EVENTS, "call.received"]
    )
    assert {headers["x-callnfy-key"] for headers in receiver.headers[path]} == {zapier.key}
    assert {headers["content-type"] for headers in receiver.headers[path]} == {"application/json"}
    created = bodies["appointment.created"]
    assert set(created) == {"event", "timestamp", "data"}
    documented = {
        "id": first["id"],
        "customerId": first["customerId"],
        "customerName": "John Doe",
        "customerPhone": "+44 7700 900123",
        "scheduledAt": "2027-01-01T10:00:00.000Z",
        "duration": 30,
        "status": "scheduled",
        "notes": "First consultation",
    }
    assert documented.items() <= created["data"].items()
    assert bodies["appointment.updated"]["data"]["scheduledAt"] == "2027-01-02T13:00:00.000Z"
    cancelled = bodies["appointment.cancelled"]["data"]
    assert {"id", "customerId", "customerName", "cancelledAt", "reason"} <= set(cancelled)
    assert cancelled["reason"] == "Customer requested cancellation"
    assert {"recordingUrl", "transcript", "sentiment", "duration"} <= set(bodies["call.received"]["data"])


def test_only_the_subscribed_event_of_the_own_account_comes(
    alice: Caller, bob: Caller, sandbox: Caller, zapier: Zapier, receiver: Receiver
) -> None:
    path = f"/{new_id()}"
    zapier.subscribe(receiver.url + path, "appointment.cancelled")
    for other in (zapier_of(bob), zapier_of(sandbox)):
        booked = other.book()
        assert other("POST", "/actions/cancel-appointment", {"appointmentId": booked["id"]})[0] == 200
    mine = zapier.book()
    zapier("POST", "/actions/cancel-appointment", {"appointmentId": mine["id"]})
    ((_, body),) = receiver.wait(path, some(1), 10)
    assert (body["event"], body["data"]["id"]) == ("appointment.cancelled", mine["id"])


def test_the_sandbox_has_hooks_of_its_own(sandbox: Caller, receiver: Receiver) -> None:
    path, twin = f"/{new_id()}", zapier_of(sandbox)
    twin.subscribe(receiver.url + path)
    booked = twin.book()
    ((_, body),) = receiver.wait(path, some(1), 10)
    assert body["data"]["id"] == booked["id"]
    assert receiver.headers[path][0]["x-callnfy-key"] == twin.key


def test_the_same_hook_twice_is_one(alice: Caller, zapier: Zapier, receiver: Receiver) -> None:
    url = f"{receiver.url}/{new_id()}"
    first = zapier.subscribe(url)
    assert zapier.subscribe(url) == first
    assert zapier.subscribe(url, "appointment.cancelled") != first
    assert zapier.subscribe(f"{url}/other") != first
    assert len(hooks(alice)) == 3


def test_an_unsubscribed_hook_gets_nothing(
    alice: Caller, bob: Caller, zapier: Zapier, receiver: Receiver
) -> None:
    path = f"/{new_id()}"
    id_ = zapier.subscribe(receiver.url + path)
    assert zapier_of(bob)("DELETE", f"/{id_}")[0] == 404
    assert zapier("DELETE", f"/{id_}") == (200, {"success": True, "message": "Unsubscribed"})
    assert zapier("DELETE", f"/{id_}")[0] == 404
    assert zapier("DELETE", "/nonsense")[0] == 404
    other = f"/{new_id()}"
    zapier.subscribe(receiver.url + other)
    zapier.book()
    assert len(receiver.wait(other, some(1), 10)) == 1
    assert receiver.events(path) == []
    assert len(hooks(alice)) == 1


def test_gone_unsubscribes(alice: Caller, zapier: Zapier, receiver: Receiver) -> None:
    path = f"/{new_id()}"
    receiver.statuses[path] = 410
    id_ = zapier.subscribe(receiver.url + path)
    zapier.book()
    receiver.wait(path, some(1), 10)
    eventually(lambda: hooks(alice) == [])
    assert zapier("DELETE", f"/{id_}")[0] == 404
    witness = f"/{new_id()}"
    zapier.subscribe(receiver.url + witness)
    zapier.book("2027-02-01T10:00:00Z")
    assert len(receiver.wait(witness, some(1), 10)) == 1
    receiver.statuses[path] = 200
    assert zapier.subscribe(receiver.url + path) != id_
    zapier.book("2027-02-02T10:00:00Z")
    came = receiver.wait(path, some(2), 10)
    assert [body["data"]["scheduledAt"][:10] for _, body in came] == ["2027-01-01", "2027-02-02"]


def test_a_hook_that_is_away_gets_everything_later(zapier: Zapier, receiver: Receiver) -> None:
    path = f"/{new_id()}"
    receiver.statuses[path] = 503
    zapier.subscribe(receiver.url + path)
    zapier.book()
    receiver.wait(path, some(1), 10)
    receiver.statuses[path] = 200
    came = receiver.wait(path, some(2), 15)
    assert len({id_ for id_, _ in came}) == 1


def test_a_revoked_key_sends_nothing_of_what_is_queued(
    alice: Caller, zapier: Zapier, receiver: Receiver
) -> None:
    path = f"/{new_id()}"
    receiver.statuses[path] = 503
    zapier.subscribe(receiver.url + path)
    for day in range(1, 21):
        zapier.book(f"2027-03-{day:02}T10:00:00Z")
    receiver.wait(path, some(1), 10)
    receiver.statuses[path] = 200
    assert alice("DELETE", "/integrations/zapier/revoke-key")[0] == 200
    time.sleep(0.3)  # for what was on its way
    before = len(receiver.events(path))
    zapier_of(alice)
    alice("POST", "/api/appointments", {"scheduledAt": "2027-04-01T10:00:00Z", "customerName": "John"})
    time.sleep(2.5)  # a retry and a sweep
    assert len(receiver.events(path)) == before
    assert hooks(alice) == []


def test_revoking_while_hooks_are_subscribed_leaves_none(
    alice: Caller, zapier: Zapier, receiver: Receiver
) -> None:
    def subscribe() -> None:
        for number in range(15):
            body = {"hookUrl": f"{receiver.url}/{new_id()}/{number}", "event": "call.received"}
            statuses.append(zapier("POST", "", body)[0])

    statuses: list[int] = []
    threads = [threading.Thread(target=subscribe) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    assert alice("DELETE", "/integrations/zapier/revoke-key")[0] == 200
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 401, 404}
    assert hooks(alice) == []


def test_what_cannot_be_a_hook_is_refused(zapier: Zapier) -> None:
    good = {"hookUrl": "https://example.com/hook", "event": "appointment.created"}
    for wrong, field in (
        ({"hookUrl": "ftp://example.com/"}, "hookUrl"),
        ({"hookUrl": "example.com"}, "hookUrl"),
        ({"hookUrl": 7}, "hookUrl"),
        ({"hookUrl": "https://" + "a" * 3000}, "hookUrl"),
        ({"event": "appointment.deleted"}, "event"),
        ({"event": None}, "event"),
    ):
        status, reply = zapier("POST", "", {**good, **wrong})
        assert (status, reply["success"], reply["error"]["code"]) == (400, False, "VALIDATION_FAILED")
        assert field in reply["error"]["details"]


def test_hooks_are_https_and_public_and_few(strict: ServerProcess) -> None:
    zapier = zapier_of(Caller(strict, strict.register("mia@example.com")))
    for url in (
        "http://hooks.zapier.com/1",
        "https://127.0.0.1/1",
        "https://10.0.0.1/",
        "https://localhost/",
    ):
        status, reply = zapier("POST", "", {"hookUrl": url, "event": "call.received"})
        assert (status, list(reply["error"]["details"])) == (400, ["hookUrl"])
    for number in range(2):
        zapier.subscribe(f"https://hooks.zapier.com/{number}")
    status, reply = zapier("POST", "", {"hookUrl": "https://hooks.zapier.com/3", "event": "call.received"})
    assert (status, reply["error"]["code"]) == (409, "TOO_MANY_SUBSCRIPTIONS")
    assert zapier.subscribe("https://hooks.zapier.com/0")


def test_requests_are_limited_for_each_key(strict: ServerProcess) -> None:
    one, other = (
        zapier_of(Caller(strict, strict.register(f"{name}@example.com"))) for name in ("mia", "paul")
    )
    statuses = [one("GET")[0] for _ in range(105)]
    assert (statuses.count(200), statuses.count(429)) == (100, 5)
    assert other("GET")[0] == 200
