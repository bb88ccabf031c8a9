"""Practitioners and their schedules as the API's callers see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rallypoint.domains.booking.fields import number_of
from rallypoint.domains.booking.practitioners.records import (
    SELECT,
    Document,
    columns_of,
    practitioner_document,
    schedule_document,
)
from rallypoint.domains.booking.practitioners.schemas import (
    ChangePractitioner,
    CreatePractitioner,
    CreateSchedule,
    PractitionerFilter,
)
from rallypoint.domains.booking.rows import insert, update
from rallypoint.domains.booking.zones import twenty_four_hours
from rallypoint.errors import NotFound, ValidationFailed
from rallypoint.identity.api import Mode, Principal
from rallypoint.identity.users import email_key
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction

MAX_SCHEDULES = 200
"""Rows of one practitioner: every weekday in quarters of an hour would be fewer."""


class PractitionerService:
    """Practitioners of all accounts.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, principal: Principal, practitioner_id: str) -> Document:
        """Return a practitioner of the caller's account.

        Raises:
            NotFound: There is none.
        """
        number = number_of(practitioner_id, "Practitioner")
        return await _shown(self._database, principal, number)

    async def page(
        self, principal: Principal, query: PractitionerFilter
    ) -> tuple[list[Document], int | None]:
        """Return a page of the account's practitioners, first made first, and the cursor of the next."""
        rows = await self._database.fetch(
            f"{SELECT} WHERE p.account_id = ? AND p.mode = ? AND p.id > ? ORDER BY p.id LIMIT ?",
            principal.account_id,
            principal.mode,
            query.after or 0,
            query.limit + 1,
        )
        page = [practitioner_document(row) for row in rows[: query.limit]]
        return page, page[-1]["id"] if len(rows) > query.limit else None

    async def create(self, principal: Principal, body: CreatePractitioner) -> Document:
        """Add a practitioner to the caller's account; the user with their address is who they are."""
        at = clock.now()
        async with self._database.transaction() as tx:
            columns = await _columns(tx, principal, body.model_dump())
            if columns["user_id"] is None and columns["email"]:
                columns["user_id"] = await _user(tx, principal, "email_key", email_key(columns["email"]))
            owned = {"account_id": principal.account_id, "mode": principal.mode}
            row = await insert(tx, "practitioners", {**columns, **owned, "created_at": at, "updated_at": at})
            return await _shown(tx, principal, row["id"])

    async def change(self, principal: Principal, practitioner_id: str, body: ChangePractitioner) -> Document:
        """Change what the body names; appointments that stand keep their moments when the zone changes.

        Raises:
            NotFound: There is no such practitioner.
        """
        number = number_of(practitioner_id, "Practitioner")
        async with self._database.transaction() as tx:
            await lock_practitioner(tx, principal.account_id, principal.mode, number)
            columns = await _columns(tx, principal, body.given())
            await update(tx, "practitioners", number, {**columns, "updated_at": clock.now()})
            return await _shown(tx, principal, number)

    async def schedules(self, principal: Principal, practitioner_id: str) -> list[Document]:
        """Return a practitioner's schedules in the order of the week.

        Raises:
            NotFound: There is no such practitioner.
        """
        number = (await self.get(principal, practitioner_id))["id"]
        rows = await self._database.fetch(
            "SELECT * FROM practitioner_schedules WHERE practitioner_id = ?"
            " ORDER BY day_of_week, start_time, id LIMIT ?",
            number,
            MAX_SCHEDULES,
        )
        return [schedule_document(row) for row in rows]

    async def add_schedule(
        self, principal: Principal, practitioner_id: str, body: CreateSchedule
    ) -> Document:
        """Add hours of a weekday.

        Raises:
            NotFound: There is no such practitioner.
            ValidationFailed: They have far too many.
        """
        number, at = number_of(practitioner_id, "Practitioner"), clock.now()
        async with self._database.transaction() as tx:
            await lock_practitioner(tx, principal.account_id, principal.mode, number)
            await _check_count(tx, number)
            row = await insert(
                tx,
                "practitioner_schedules",
                {
                    "account_id": principal.account_id,
                    "practitioner_id": number,
                    "day_of_week": body.day_of_week,
                    "start_time": twenty_four_hours(body.start_time),
                    "end_time": twenty_four_hours(body.end_time),
                    "slot_duration_minutes": body.slot_duration_minutes,
                    "created_at": at,
                    "updated_at": at,
                },
            )
        return schedule_document(row)

    async def remove_schedule(self, principal: Principal, practitioner_id: str, schedule_id: str) -> None:
        """Delete a schedule; appointments that stand stay.

        Raises:
            NotFound: There is no such practitioner or schedule.
        """
        number = number_of(practitioner_id, "Practitioner")
        schedule = number_of(schedule_id, "Schedule")
        async with self._database.transaction() as tx:
            await lock_practitioner(tx, principal.account_id, principal.mode, number)
            gone = await tx.execute(
                "DELETE FROM practitioner_schedules WHERE id = ? AND practitioner_id = ?", schedule, number
            )
        if not gone:
            raise NotFound("Schedule not found")


async def lock_practitioner(tx: Transaction, account_id: str, mode: Mode, number: int) -> Row:
    """Return an account's practitioner, held until the transaction ends: who books them waits.

    Raises:
        NotFound: The account has none such.
    """
    row = await tx.lock(
        "SELECT * FROM practitioners WHERE id = ? AND account_id = ? AND mode = ?", number, account_id, mode
    )
    if row is None:
        raise NotFound("Practitioner not found")
    return row


async def _shown(reader: Transaction | Database, principal: Principal, number: int) -> Document:
    row = await reader.fetch_one(
        f"{SELECT} WHERE p.id = ? AND p.account_id = ? AND p.mode = ?",
        number,
        principal.account_id,
        principal.mode,
    )
    if row is None:
        raise NotFound("Practitioner not found")
    return practitioner_document(row)


async def _columns(tx: Transaction, principal: Principal, given: Mapping[str, Any]) -> Document:
    columns = columns_of(given)
    if columns.get("user_id") is not None:
        columns["user_id"] = await _user(tx, principal, "number", columns["user_id"])
        if columns["user_id"] is None:
            raise ValidationFailed({"userId": ["is no user of this account"]})
    return columns


async def _user(tx: Transaction, principal: Principal, column: str, value: object) -> str | None:
    row = await tx.fetch_one(
        f"SELECT id FROM users WHERE {column} = ? AND account_id = ?",  # noqa: S608 - our own names
        value,
        principal.account_id,
    )
    return None if row is None else str(row["id"])


async def _check_count(tx: Transaction, number: int) -> None:
    row = await tx.fetch_one(
        "SELECT COUNT(*) AS n FROM practitioner_schedules WHERE practitioner_id = ?", number
    )
    if row is not None and row["n"] >= MAX_SCHEDULES:
        raise ValidationFailed({"dayOfWeek": [f"a practitioner has at most {MAX_SCHEDULES} schedules"]})
