"""Finding and making customers."""

from __future__ import annotations

from rallypoint.domains.customers.api import Customer
from rallypoint.errors import NotFound
from rallypoint.identity.api import Mode
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import is_id, new_id

MIN_DIGITS = 5
"""Fewer digits are an extension or a typing error, and tell nobody apart."""


class CustomerService:
    """Customers of all accounts.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, *, account_id: str, mode: Mode, customer_id: str) -> Customer:
        """Return a customer.

        Raises:
            NotFound: The account has none such.
        """
        async with self._database.transaction() as tx:
            row = await tx.fetch_one(
                "SELECT * FROM customers WHERE id = ? AND account_id = ? AND mode = ?",
                customer_id if is_id(customer_id) else "",
                account_id,
                mode,
            )
        if row is None:
            raise NotFound("Customer not found")
        return customer_of(row)

    async def ensure(
        self, *, account_id: str, mode: Mode, name: str = "", email: str = "", phone: str = ""
    ) -> Customer:
        """Return the customer with this address, else with this number, made when there is none."""
        keys = {"email_key": email_key(email), "phone_key": phone_key(phone)}
        async with self._database.transaction() as tx:
            for column, key in keys.items():
                if key is None:
                    continue
                await tx.hold(f"customers/{account_id}/{mode}/{column}/{key}")
                if (row := await _find(tx, account_id, mode, column, key)) is not None:
                    return customer_of(await _fill(tx, row, name=name, email=email, phone=phone))
            return customer_of(await _insert(tx, account_id, mode, name, email, phone))


def email_key(email: str) -> str | None:
    """Return what addresses are compared by; None for an empty one."""
    return email.strip().casefold()[:254] or None


def phone_key(phone: str) -> str | None:
    """Return what numbers are compared by: their digits, and a ``+`` that begins them; None for too few."""
    digits = "".join(character for character in phone if character in "0123456789")
    if len(digits) < MIN_DIGITS:
        return None
    return f"+{digits}" if phone.strip().startswith("+") else digits


def customer_of(row: Row) -> Customer:
    """Return the customer in a row."""
    return Customer(*(row[name] for name in ("id", "account_id", "mode", "name", "email", "phone")))


async def _find(tx: Transaction, account_id: str, mode: Mode, column: str, key: str) -> Row | None:
    return await tx.lock(
        f"SELECT * FROM customers WHERE account_id = ? AND mode = ? AND {column} = ? ORDER BY id LIMIT 1",  # noqa: S608
        account_id,
        mode,
        key,
    )


async def _fill(tx: Transaction, row: Row, **given: str) -> Row:
    missing = {name: value for name, value in given.items() if value and not row[name]}
    if not missing:
        return row
    merged = {**row, **missing}
    rows = await tx.fetch(
        "UPDATE customers SET name = ?, email = ?, email_key = ?, phone = ?, phone_key = ?, updated_at = ?"
        " WHERE id = ? RETURNING *",
        merged["name"],
        merged["email"],
        email_key(merged["email"]),
        merged["phone"],
        phone_key(merged["phone"]),
        clock.now(),
        row["id"],
    )
    return rows[0]


async def _insert(tx: Transaction, account_id: str, mode: Mode, name: str, email: str, phone: str) -> Row:
    at = clock.now()
    rows = await tx.fetch(
        "INSERT INTO customers (id, account_id, mode, name, email, email_key, phone, phone_key, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        new_id(),
        account_id,
        mode,
        name,
        email,
        email_key(email),
        phone,
        phone_key(phone),
        at,
        at,
    )
    return rows[0]
