"""One-way: appointments are written to the calendar, and what else is there only blocks time."""

from __future__ import annotations


async def test_an_appointment_is_made_moved_and_removed_there(world, calendar):
    await world.connect()
    await world.sync()
    view = await world.book(customer_phone="+44 7700 900123", customer_email="ann@example.com", notes="First")
    await world.push()
    (event,) = calendar.standing
    assert (event.start, event.end, event.timezone) == (view.start, view.end, "UTC")
    assert event.summary == "Appointment with Ann"
    assert event.description == ("Callnfy appointment\nCustomer: Ann\nPhone: +44 7700 900123\nNotes: First")
    assert event.attendees == ("ann@example.com",)
    moved = await world.move(view, 3)
    await world.push()
    (event,) = calendar.standing
    assert (event.start, event.end) == (moved.start, moved.end)
    await world.cancel(view)
    await world.push()
    assert calendar.standing == []
    assert [what for what, _ in calendar.writes] == ["insert", "update", "delete"]
