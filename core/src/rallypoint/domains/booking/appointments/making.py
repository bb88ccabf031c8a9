"""From what was asked for to the columns of a new appointment: for whom, with whom, when and for how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rallypoint.domains.booking.api import NewAppointment
from rallypoint.domains.booking.appointments.records import when_columns
from rallypoint.domains.booking.fields import MAX_DURATION
from rallypoint.domains.booking.practitioners.service import lock_practitioner
from rallypoint.domains.booking.zones import (
    date_and_minutes,
    parse_time,
    sunday_based,
    within_range,
    zone_of,
)
from rallypoint.domains.customers.api import Customer, Customers
from rallypoint.errors import ValidationFailed
from rallypoint.identity.api import Mode
from rallypoint.storage.database import Row, Transaction

DEFAULT_DURATION = 60
_LIMITS = {
    "customer_name": 200,
    "customer_email": 254,
    "customer_phone": 40,
    "session_type": 100,
    "notes": 5000,
    "practitioner_name": 200,
}


def checked(columns: dict[str, Any]) -> dict[str, Any]:
    """Return columns of text whose lengths are within the tables' limits.

    Raises:
        ValidationFailed: One is longer; naming the field.
    """
    long = {
        name: [f"must have at most {limit} characters"]
        for name, limit in _LIMITS.items()
        if len(columns.get(name, "")) > limit
    }
    if long:
        raise ValidationFailed(long)
    return columns


def check_duration(duration: int) -> int:
    """Return a length in minutes that an appointment may have.

    Raises:
        ValidationFailed: It may not.
    """
    if not 1 <= duration <= MAX_DURATION:
        raise ValidationFailed({"duration": [f"must be 1 to {MAX_DURATION} minutes"]})
    return duration


class Making:
    """Looks up what a new appointment needs.

    Args:
        customers: Finds or makes the customer; asked for when it is needed, as customers load after booking.
    """

    def __init__(self, customers: Callable[[], Customers]) -> None:
        self._customers = customers

    async def columns(
        self, tx: Transaction, account_id: str, mode: Mode, user_id: str, new: NewAppointment
    ) -> dict[str, Any]:
        """Return the columns; holds the practitioner.

        Raises:
            NotFound: The account has no such practitioner or customer.
            ValidationFailed: Something is out of its limits.
        """
        practitioner = await self._practitioner(tx, account_id, mode, new.practitioner_id)
        timezone = practitioner["timezone"] if practitioner else new.timezone
        if not within_range(new.start):
            raise ValidationFailed({"scheduledAt": ["is out of range"]})
        duration = new.duration
        if duration is None:
            duration = await _usual_duration(tx, practitioner, new.start)
        customer = await self._customer(tx, account_id, mode, user_id, new)
        columns = {
            "account_id": account_id,
            "mode": mode,
            "user_id": user_id,
            "practitioner_id": new.practitioner_id,
            "practitioner_name": practitioner["name"] if practitioner else new.practitioner_name,
            **when_columns(new.start, check_duration(duration), timezone),
            "session_type": new.session_type,
            "notes": new.notes,
            "customer_id": customer.id,
            "customer_name": new.customer_name or customer.name,
            "customer_email": new.customer_email or customer.email,
            "customer_phone": new.customer_phone or customer.phone,
        }
        return checked(columns)

    async def _practitioner(
        self, tx: Transaction, account_id: str, mode: Mode, practitioner_id: int | None
    ) -> Row | None:
        if practitioner_id is None:
            return None
        return await lock_practitioner(tx, account_id, mode, practitioner_id)

    async def _customer(
        self, tx: Transaction, account_id: str, mode: Mode, user_id: str, new: NewAppointment
    ) -> Customer:
        customers = self._customers()
        if new.customer_id:
            return await customers.get(account_id=account_id, mode=mode, customer_id=new.customer_id)
        name, email, phone = new.customer_name, new.customer_email, new.customer_phone
        if not (name or email or phone):
            name, email = await _person(tx, user_id)
        checked({"customer_name": name, "customer_email": email, "customer_phone": phone})
        return await customers.ensure(account_id=account_id, mode=mode, name=name, email=email, phone=phone)


async def _person(tx: Transaction, user_id: str) -> tuple[str, str]:
    user = await tx.fetch_one("SELECT email, full_name, display_name FROM users WHERE id = ?", user_id)
    if user is None:
        return "", ""
    return user["full_name"] or user["display_name"] or user["email"], user["email"]


async def _usual_duration(tx: Transaction, practitioner: Row | None, start: int) -> int:
    """Return the length of the practitioner's slots at that time of the week."""
    if practitioner is None:
        return DEFAULT_DURATION
    day, minutes = date_and_minutes(start, zone_of(practitioner["timezone"]))
    rows = await tx.fetch(
        "SELECT start_time, end_time, slot_duration_minutes FROM practitioner_schedules"
        " WHERE practitioner_id = ? AND day_of_week = ? ORDER BY start_time, id",
        practitioner["id"],
        sunday_based(day),
    )
    for row in rows:
        if parse_time(row["start_time"]) <= minutes < parse_time(row["end_time"]):
            return int(row["slot_duration_minutes"])
    return DEFAULT_DURATION
