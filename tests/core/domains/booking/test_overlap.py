"""No two confirmed appointments of a practitioner ever overlap, whatever is done, however much of it at once."""

from __future__ import annotations

import asyncio
import contextlib
import itertools

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rallypoint.domains.booking.api import NewAppointment
from rallypoint.domains.booking.practitioners.schemas import CreatePractitioner
from rallypoint.errors import ApiError, Conflict
from rallypoint.storage.clock import MINUTE

BASE = 3_800_000_000_000
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["create", "create", "move", "cancel", "complete"]),
        st.integers(0, 5),
        st.integers(0, 12).map(lambda step: BASE + step * 10 * MINUTE),
        st.sampled_from([1, 10, 25, 60]),
    ),
    min_size=2,
    max_size=14,
)


async def confirmed(app, practitioner_id):
    return await app.house.database.fetch(
        "SELECT id, start_at, end_at FROM appointments WHERE practitioner_id = ? AND status = 'confirmed'"
        " ORDER BY start_at, id",
        practitioner_id,
    )


def overlapping(rows):
    return [
        (one["id"], other["id"])
        for one, other in itertools.pairwise(rows)
        if one["end_at"] > other["start_at"]
    ]


async def act(domain, host, practitioner_id, made, action):
    kind, which, start, duration = action
    whose = {"account_id": host.account_id, "mode": "live"}
    if kind == "create":
        new = NewAppointment(start=start, duration=duration, practitioner_id=practitioner_id)
        made.append((await domain.booker.create(**whose, user_id=host.user_id, new=new)).id)
    elif made:
        whose["appointment_id"] = made[which % len(made)]
        if kind == "move":
            await domain.booker.reschedule(**whose, start=start, duration=duration)
        else:
            await (domain.booker.cancel if kind == "cancel" else domain.booker.complete)(**whose)


@pytest.mark.parametrize("at_once", [1, 4])
async def test_whatever_is_done_nothing_overlaps(app, domain, host, at_once):
    names = iter(range(10_000))
    loop = asyncio.get_running_loop()

    async def run(actions):
        made = []
        body = CreatePractitioner(name=f"P{next(names)}")
        practitioner_id = (await domain.practitioners.create(host, body))["id"]
        for begin in range(0, len(actions), at_once):
            batch = [
                act(domain, host, practitioner_id, made, action)
                for action in actions[begin : begin + at_once]
            ]
            for outcome in await asyncio.gather(*batch, return_exceptions=True):
                assert outcome is None or isinstance(outcome, Conflict), outcome
        assert overlapping(await confirmed(app, practitioner_id)) == []

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ACTIONS)
    def property_(actions):
        asyncio.run_coroutine_threadsafe(run(actions), loop).result(120)

    await asyncio.to_thread(property_)


async def post(session, url, body):
    async with session.post(f"{url}/api/appointments", json=body) as reply:
        return reply.status


async def test_of_fifty_who_want_one_slot_one_gets_it(server, caller, practitioner):
    body = {"practitionerId": practitioner, "date": "2090-06-01", "time": "10:00 AM", "duration": 60}
    headers = {"Authorization": f"Bearer {caller.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        answers = await asyncio.gather(*(post(session, server.url, body) for _ in range(50)))
    assert sorted(answers) == [201] + [409] * 49


async def test_of_fifty_who_want_times_that_cross_no_two_get_any_that_do(server, caller, practitioner):
    headers = {"Authorization": f"Bearer {caller.token}"}
    bodies = [
        {
            "practitionerId": practitioner,
            "scheduledAt": f"2090-06-01T{10 + n // 12:02}:{n % 12 * 5:02}:00Z",
            "duration": 30,
        }
        for n in range(50)
    ]
    async with aiohttp.ClientSession(headers=headers) as session:
        answers = await asyncio.gather(*(post(session, server.url, body) for body in bodies))
    assert set(answers) == {201, 409}
    _, page = caller("GET", f"/api/appointments?practitionerId={practitioner}")
    spans = sorted((one["scheduledAt"], one["endsAt"]) for one in page["data"])
    assert len(spans) == answers.count(201)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))


async def test_two_that_move_onto_one_time_do_not_both(app, domain, host):
    practitioner_id = (await domain.practitioners.create(host, CreatePractitioner(name="P")))["id"]
    whose = {"account_id": host.account_id, "mode": "live"}
    views = [
        await domain.booker.create(
            **whose,
            user_id=host.user_id,
            new=NewAppointment(start=BASE + n * 3_600_000, duration=30, practitioner_id=practitioner_id),
        )
        for n in range(4)
    ]

    async def move(view):
        with contextlib.suppress(ApiError):
            await domain.booker.reschedule(**whose, appointment_id=view.id, start=BASE + 10 * 3_600_000)
            return True
        return False

    assert sum(await asyncio.gather(*map(move, views))) == 1
    assert overlapping(await confirmed(app, practitioner_id)) == []
