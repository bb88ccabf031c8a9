"""Calls as the API's callers see them."""

from __future__ import annotations

from collections.abc import Callable

from rallypoint.domains.booking.calls.records import Document, call_document, call_draft
from rallypoint.domains.booking.calls.schemas import CallFilter, CreateCall
from rallypoint.domains.booking.fields import number_of
from rallypoint.domains.booking.rows import insert
from rallypoint.domains.customers.api import Customer, Customers
from rallypoint.errors import NotFound
from rallypoint.events.outbox import Outbox
from rallypoint.identity.api import Principal
from rallypoint.storage import clock
from rallypoint.storage.database import Database


class CallService:
    """Everything ``/api/calls`` does.

    Args:
        database: Where calls are.
        outbox: Where the events go.
        customers: Finds or makes the customer.
    """

    def __init__(self, database: Database, outbox: Outbox, customers: Callable[[], Customers]) -> None:
        self._database, self._outbox, self._customers = database, outbox, customers

    async def get(self, principal: Principal, call_id: str) -> Document:
        """Return a call of the caller's account.

        Raises:
            NotFound: There is none.
        """
        row = await self._database.fetch_one(
            "SELECT * FROM calls WHERE id = ? AND account_id = ? AND mode = ?",
            number_of(call_id, "Call"),
            principal.account_id,
            principal.mode,
        )
        if row is None:
            raise NotFound("Call not found")
        return call_document(row)

    async def page(self, principal: Principal, query: CallFilter) -> tuple[list[Document], int | None]:
        """Return a page of the account's calls, latest first, and the cursor of the next."""
        before = "" if query.after is None else " AND id < ?"
        rows = await self._database.fetch(
            f"SELECT * FROM calls WHERE account_id = ? AND mode = ?{before}"  # noqa: S608 - one of two constants
            " ORDER BY id DESC LIMIT ?",
            principal.account_id,
            principal.mode,
            *([] if query.after is None else [query.after]),
            query.limit + 1,
        )
        page = [call_document(row) for row in rows[: query.limit]]
        return page, page[-1]["id"] if len(rows) > query.limit else None

    async def create(self, principal: Principal, body: CreateCall) -> Document:
        """Keep a call that was received, and tell of it.

        Raises:
            NotFound: The account has no such customer.
        """
        at = clock.now()
        async with self._database.transaction() as tx:
            customer = await self._customer(principal, body)
            row = await insert(
                tx,
                "calls",
                {
                    "account_id": principal.account_id,
                    "mode": principal.mode,
                    "user_id": principal.user_id,
                    "customer_id": customer.id,
                    "customer_name": body.customer_name or customer.name,
                    "customer_phone": body.customer_phone or customer.phone,
                    "duration": body.duration,
                    "recording_url": body.recording_url or None,
                    "transcript": body.transcript,
                    "sentiment": body.sentiment,
                    "seq": 1,
                    "received_at": at if body.received_at is None else body.received_at,
                    "created_at": at,
                },
            )
            await self._outbox.add(tx, call_draft(row))
        return call_document(row)

    async def _customer(self, principal: Principal, body: CreateCall) -> Customer:
        customers, whose = self._customers(), {"account_id": principal.account_id}
        if body.customer_id:
            return await customers.get(**whose, mode=principal.mode, customer_id=body.customer_id)
        return await customers.ensure(
            **whose,
            mode=principal.mode,
            name=body.customer_name,
            email=body.customer_email,
            phone=body.customer_phone,
        )
