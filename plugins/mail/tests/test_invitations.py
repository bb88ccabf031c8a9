"""Appointments and what people's calendars are told of them: a whole server, a real mail server."""

from __future__ import annotations

import asyncio

import vobject
from plugins.mail.tests.conftest import Mailbox, Received, Start, World

from rallypoint.domains.booking.api import AppointmentView

LATER = 1_894_241_700_000 + 24 * 3_600_000


def event(mail: Received):
    return vobject.readOne(mail.calendar).vevent


def method(mail: Received) -> str:
    (part,) = [part for part in mail.message.walk() if part.get_content_type() == "text/calendar"]
    assert part.get_param("method") == vobject.readOne(mail.calendar).method.value
    return part.get_param("method")


async def test_an_appointment_is_announced_changed_and_cancelled_as_one_entry(world: World) -> None:
    view = await world.book(session_type="Consultation")
    (invited,) = await world.mail()
    moved = await world.change(view, start=LATER)
    await world.settled()
    await world.cancel(view, "Dr. Tamang is ill")
    _, changed, cancelled = await world.mail()

    assert [method(mail) for mail in (invited, changed, cancelled)] == ["REQUEST", "REQUEST", "CANCEL"]
    assert len({event(mail).uid.value for mail in world.mailbox.received}) == 1
    sequences = [int(event(mail).sequence.value) for mail in world.mailbox.received]
    assert sequences == sorted(set(sequences))
    assert sequences[0] == view.sequence
    assert sequences[1] >= moved.sequence
    assert invited.recipients == ["ben@example.com"]
    assert invited.message["Subject"] == "Calendar Invitation: Consultation with Dr. Mia Tamang"
    assert "8:00 AM – 8:45 AM" in invited.text
    assert "Asia/Kathmandu (UTC+05:45)" in invited.text
    assert event(invited).organizer.value == "mailto:desk@example.org"
    assert event(changed).dtstart.value.timestamp() * 1000 == LATER
    assert changed.message["Subject"].startswith("Changed: ")
    assert "Reason: Dr. Tamang is ill" in cancelled.text
    assert event(cancelled).status.value == "CANCELLED"


async def test_the_notes_of_an_appointment_stay_out_of_mailboxes(world: World) -> None:
    view = await world.book(notes="suspected diagnosis", customer_phone="+977 1 4970000")
    await world.change(view, changes={"notes": "diagnosis confirmed"})
    (only,) = await world.mail()
    for form in (only.text, only.html, only.calendar):
        assert "diagnosis" not in form
        assert "4970000" not in form


async def test_nothing_is_said_twice(world: World) -> None:
    view = await world.book()
    await world.mail()
    events = await world.house.database.fetch(
        "SELECT * FROM events WHERE subject = ?", f"appointment:{view.id}"
    )
    from rallypoint.events.rows import event_of

    for row in events * 3:
        await world.app.opening.plugins.dispatch.call("mail", "on_event", event=event_of(row))
    assert len(await world.mail()) == 1


async def test_the_practitioner_gets_a_copy_unless_the_operator_says_no(start: Start) -> None:
    for copies, expected in (
        ("true", ["ben@example.com", "mia@example.com"]),
        ("false", ["ben@example.com"]),
    ):
        async with start(COPY_PRACTITIONER=copies) as world:
            view = await with_practitioner(world)
            await world.settled()
            got = world.mailbox.received[-1]
            assert got.recipients == expected
            people = [one.value for one in event(got).contents["attendee"]]
            assert people == [f"mailto:{each}" for each in expected]
            assert view.practitioner_email == "mia@example.com"


async def with_practitioner(world: World) -> AppointmentView:
    """Book with a practitioner of the account, who has an address."""
    from core.web.asgi import ask

    headers = {"authorization": f"Bearer {world.token}"}
    body = {"name": "Dr. Mia Tamang", "email": "mia@example.com", "timezone": "Asia/Kathmandu"}
    made = (await ask(world.app, "POST", "/api/practitioners", json=body, headers=headers)).json()
    practitioner = made.get("practitioner", made)
    return await world.book(practitioner_id=practitioner["id"], practitioner_name="", timezone="UTC")


async def test_without_an_address_nobody_is_told(world: World) -> None:
    view = await world.book(customer_email="")
    await world.cancel(view)
    assert await world.mail() == []


async def test_a_new_address_is_invited_and_the_old_one_released(world: World) -> None:
    view = await world.book()
    await world.mail()
    await world.change(view, changes={"customer_email": "new@example.com"})
    _, *two = await world.mail()
    said = {mail.recipients[0]: method(mail) for mail in two}
    assert said == {"new@example.com": "REQUEST", "ben@example.com": "CANCEL"}
    released = next(mail for mail in two if mail.recipients == ["ben@example.com"])
    assert "new@example.com" not in released.calendar
    invited = next(mail for mail in two if mail.recipients == ["new@example.com"])
    assert invited.message["Subject"].startswith("Calendar Invitation: ")
    await world.cancel(view)
    *_, last = await world.mail()
    assert (last.recipients, method(last)) == (["new@example.com"], "CANCEL")


async def test_what_is_over_is_not_announced(world: World) -> None:
    await world.book(start=1_000_000_000_000)
    assert await world.mail() == []


async def test_changes_at_once_are_one_message(start: Start) -> None:
    async with start(SETTLE_SECONDS="2") as world:
        view = await world.book()
        await reacted(world)
        await world.change(view, start=LATER)
        (only,) = await world.mail()
        assert only.message["Subject"].startswith("Calendar Invitation: ")
        assert event(only).dtstart.value.timestamp() * 1000 == LATER


async def test_what_is_cancelled_before_it_was_announced_is_not_mentioned(start: Start) -> None:
    async with start(SETTLE_SECONDS="30") as world:
        view = await world.book()
        await reacted(world)
        await world.cancel(view)
        assert await world.mail() == []
        states = await world.house.database.fetch("SELECT state FROM mailer_messages")
        assert [row["state"] for row in states] == ["withdrawn"]


async def test_a_change_that_is_taken_back_is_not_mentioned(start: Start) -> None:
    async with start() as world:
        view = await world.book()
        await world.mail()
        set_settle(world, 30)
        await world.change(view, start=LATER)
        await reacted(world)
        await world.change(view, start=view.start)
        assert len(await world.mail()) == 1


def set_settle(world: World, seconds: float) -> None:
    from rallypoint_mail import _invitations

    plugin = next(one for one in world.app.opening.plugins.loaded if one.name == "mail")
    invitations = plugin.ctx.once(_invitations)
    invitations._settings = invitations._settings.model_copy(update={"settle_seconds": seconds})


async def reacted(world: World) -> None:
    """Wait until the events are reacted to; messages may still be in the queue."""
    async with asyncio.timeout(20):
        while True:
            row = await world.house.database.fetch_one(
                "SELECT (SELECT COUNT(*) FROM events WHERE fan_at IS NOT NULL)"
                " + (SELECT COUNT(*) FROM event_reactions WHERE next_at IS NOT NULL) AS open"
            )
            if not row["open"]:
                return
            await asyncio.sleep(0.02)


async def test_the_mail_server_is_down_and_the_booking_stands(start: Start, mailbox: Mailbox) -> None:
    mailbox.stop()
    async with start() as world:
        view = await world.book()
        await reacted(world)
        await asyncio.sleep(0.2)
        assert (
            await world.appointments.get(account_id=world.account, mode="live", appointment_id=view.id)
        ).status == "confirmed"
        (row,) = await world.house.database.fetch("SELECT * FROM mailer_messages")
        assert row["state"] == "queued"
        mailbox.start()
        await world.settled()
        (got,) = mailbox.received
        assert got.recipients == ["ben@example.com"]


async def test_invitations_on_request_alone(start: Start) -> None:
    async with start(INVITATIONS="on-request") as world:
        view = await world.book()
        await world.cancel(view)
        assert await world.mail() == []


async def test_what_was_said_is_stored_encrypted_and_forgotten_in_time(world: World) -> None:
    from rallypoint_mail.records import KEPT_MS, Records

    view = await world.book()
    await world.mail()
    (row,) = await world.house.database.fetch("SELECT * FROM mail_invitations")
    assert "ben@example.com" not in str(dict(row))
    plugin = next(one for one in world.app.opening.plugins.loaded if one.name == "mail")
    records = Records(plugin.ctx)
    await records.prune(view.end + KEPT_MS - 1)
    assert await world.house.database.fetch("SELECT * FROM mail_invitations")
    await records.prune(view.end + KEPT_MS + 1)
    assert not await world.house.database.fetch("SELECT * FROM mail_invitations")


async def test_an_address_that_cannot_be_written_to_holds_nothing_up(world: World) -> None:
    async with world.house.database.transaction() as tx:
        view = await world.book()
        await tx.execute("UPDATE appointments SET customer_email = 'nobody' WHERE id = ?", view.id)
    assert await world.mail() == []
    status = next(one for one in world.app.opening.plugins.statuses if one.name == "mail")
    assert status.status == "active"


async def test_a_name_smuggles_nothing_in(world: World) -> None:
    names = ["Ben\r\nBcc: eve@example.com", 'x" <eve@example.com>', "ben;CN=eve"]
    for number, nasty in enumerate(names):
        await world.book(customer_name=nasty, session_type=nasty[:60], start=LATER + number * 86_400_000)
    got = await world.mail()
    assert len(got) == len(names)
    for mail in got:
        assert mail.recipients == ["ben@example.com"]
        assert mail.message["Bcc"] is None
        assert [one.value for one in event(mail).contents["attendee"]] == ["mailto:ben@example.com"]


async def still_confirmed(world: World, view: AppointmentView) -> None:
    found = await world.appointments.get(account_id=world.account, mode="live", appointment_id=view.id)
    assert found.status == "confirmed"
