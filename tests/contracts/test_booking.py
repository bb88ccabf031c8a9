"""booking.md's availability and integrations.md's event bodies, over REST and sockets, against a running server."""

from __future__ import annotations

import asyncio
import re

import jsonschema_rs
import pytest
import socketio

MILLISECONDS = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
TEXT = {"type": "string"}
CUSTOMER = {"type": "string", "pattern": "^cust_[0-9a-f-]{36}$"}


def body(event, **data):
    shape = {"type": "object", "properties": data, "required": list(data)}
    fields = {"event": {"const": event}, "timestamp": MILLISECONDS, "data": shape}
    return {"type": "object", "properties": fields, "required": list(fields)}


APPOINTMENT = {
    "id": {"type": "string", "pattern": r"^appt_\d+$"},
    "customerId": CUSTOMER,
    "customerName": TEXT,
}
DOCUMENTED = {
    one["properties"]["event"]["const"]: one
    for one in (
        body(
            "appointment.created", **APPOINTMENT, customerPhone=TEXT, scheduledAt=MILLISECONDS,
            duration={"const": 30}, status={"const": "scheduled"}, notes={"const": "First consultation"},
        ),
        body("appointment.cancelled", **APPOINTMENT, cancelledAt=MILLISECONDS, reason={"const": "Ill"}),
        body("appointment.completed", **APPOINTMENT, completedAt=MILLISECONDS, duration={"const": 30}),
        body(
            "call.received", id={"type": "string", "pattern": r"^call_\d+$"}, customerId=CUSTOMER,
            customerName=TEXT, customerPhone=TEXT, duration={"const": 180}, recordingUrl=TEXT,
            transcript=TEXT, sentiment={"const": "positive"},
        ),
    )
}  # fmt: skip
AVAILABILITY = {
    "type": "object",
    "properties": {
        "practitionerId": {"type": "integer"},
        "date": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
        "timeSlots": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "time": {"type": "string", "pattern": r"^(1[0-2]|[1-9]):[0-5]\d (AM|PM)$"},
                    "available": {"type": "boolean"},
                },
                "required": ["time", "available"],
            },
        },
    },
    "required": ["practitionerId", "date", "timeSlots"],
}


@pytest.fixture
def practitioner(alice):
    _, made = alice("POST", "/api/practitioners", {"name": "Dr. Ada", "timezone": "Europe/London"})
    for day in range(7):
        hours = {"day_of_week": day, "start_time": "09:00", "end_time": "17:00", "slot_duration_minutes": 30}
        assert alice("POST", f"/api/practitioners/{made['id']}/schedules", hours)[0] == 201
    return made["id"]


def as_documented(hours, taken):
    """Return what booking.md's own loop makes of one schedule of a day, times in minutes."""
    begin, end, length = hours
    shown = []
    for minutes in range(begin, end, length):
        half, of_half = divmod(minutes // 60, 12)
        shown.append(
            {
                "time": f"{of_half or 12}:{minutes % 60:02} {'PM' if half else 'AM'}",
                "available": not any(minutes <= one < minutes + length for one in taken),
            }
        )
    return shown


def test_the_days_slots_are_those_of_the_documented_loop(server, alice, practitioner):
    taken = [9 * 60, 12 * 60 + 30, 16 * 60]
    for minutes in taken:
        when = {"date": "2090-06-01", "time": f"{minutes // 60:02}:{minutes % 60:02}"}
        assert alice("POST", "/api/appointments", {"practitionerId": practitioner, **when})[0] == 201
    status, day = server.request("GET", f"/api/practitioners/{practitioner}/availability?date=2090-06-01")
    assert status == 200
    jsonschema_rs.validate(AVAILABILITY, day)
    shown = [{name: slot[name] for name in ("time", "available")} for slot in day["timeSlots"]]
    assert shown == as_documented((9 * 60, 17 * 60, 30), taken)


def test_what_availability_shows_can_be_booked_as_it_is_shown(server, alice, practitioner):
    path = f"/api/practitioners/{practitioner}/availability?date=2090-06-02"
    for slot in server.request("GET", path)[1]["timeSlots"]:
        when = {"date": "2090-06-02", "time": slot["time"]}
        status, made = alice("POST", "/api/appointments", {"practitionerId": practitioner, **when})
        assert (status, made["scheduledAt"]) == (201, slot["startsAt"])
    assert not any(slot["available"] for slot in server.request("GET", path)[1]["timeSlots"])


def act(alice, practitioner):
    """Let every documented thing happen, and return the topic of each appointment."""
    base = {"practitionerId": practitioner, "date": "2090-06-03", "duration": 30, "customerName": "John Doe"}
    said = {**base, "customerPhone": "+44 7700 900123", "notes": "First consultation"}
    made = [alice("POST", "/api/appointments", {**said, "time": time})[1] for time in ("9:00 AM", "10:00 AM")]
    return [one["id"] for one in made]


def end(alice, cancelled, completed):
    assert alice("POST", f"/api/appointments/{cancelled}/cancel", {"reason": "Ill"})[0] == 200
    assert alice("POST", f"/api/appointments/{completed}/complete")[0] == 200
    call = {
        "customerName": "John Doe", "customerPhone": "+44 7700 900123", "duration": 180,
        "recordingUrl": "https://api.example.com/recordings/call_789.mp3",
        "transcript": "Full call transcript...", "sentiment": "positive",
    }  # fmt: skip
    assert alice("POST", "/api/calls", call)[0] == 201


async def test_events_on_sockets_have_the_documented_bodies(server, alice, bob, practitioner):
    me = (await asyncio.to_thread(alice, "POST", "/api/v1/rooms", {"name": "Me"}))[1]["data"]["created_by"]
    seen: dict[str, dict] = {}
    client = socketio.AsyncClient()
    for name in DOCUMENTED:
        client.on(name, lambda message, name=name: seen.setdefault(name, message))
    await client.connect(server.url, auth={"token": alice.token}, transports=["websocket"])
    try:
        assert (await client.call("join", {"topic": f"user:{me}"}))["status"] == "ok"
        first, second = await asyncio.to_thread(act, alice, practitioner)
        joined = await client.call("join", {"topic": f"appointment:{first}"})
        assert joined["response"]["appointment"]["id"] == first
        await asyncio.to_thread(end, alice, first, second)
        for _ in range(200):
            if seen.keys() == DOCUMENTED.keys():
                break
            await asyncio.sleep(0.05)
    finally:
        await client.disconnect()
    assert seen.keys() == DOCUMENTED.keys()
    for name, message in seen.items():
        jsonschema_rs.validate(DOCUMENTED[name], message["payload"])
    _, document = await asyncio.to_thread(server.request, "GET", "/openapi.json")
    for name, message in seen.items():
        content = document["webhooks"][name]["post"]["requestBody"]["content"]["application/json"]
        jsonschema_rs.validate(
            {**content["schema"], "components": document["components"]}, message["payload"]
        )


async def test_another_account_follows_no_appointment(server, alice, bob):
    _, made = await asyncio.to_thread(
        alice, "POST", "/api/appointments", {"date": "2090-06-03", "time": "9:00"}
    )
    client = socketio.AsyncClient()
    await client.connect(server.url, auth={"token": bob.token}, transports=["websocket"])
    try:
        for topic in (f"appointment:{made['id']}", "appointment:0", "appointment:x"):
            ack = await client.call("join", {"topic": topic})
            assert (ack["status"], ack["response"]["reason"]) == ("error", "not_found")
    finally:
        await client.disconnect()


def test_every_error_is_a_string_as_documented(server, alice):
    answers = [
        server.request("GET", "/api/practitioners"),
        server.request("GET", "/api/appointments/1"),
        alice("GET", "/api/practitioners/1/nothing"),
        alice("PUT", "/api/appointments", {}),
        alice("POST", "/api/appointments", {}),
        alice("POST", "/api/calls", {"duration": -1}),
    ]
    assert [status for status, _ in answers] == [401, 401, 404, 405, 400, 400]
    assert all(isinstance(reply["error"], str) for _, reply in answers)
    assert not any(re.search("Traceback|sqlite|asyncpg", str(reply)) for _, reply in answers)
