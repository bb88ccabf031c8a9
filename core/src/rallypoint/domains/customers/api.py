"""All that others see of customers: the people whom an account's users meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rallypoint.identity.api import Mode


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of an account.

    Args:
        id: UUIDv7; ``cust_<uuid>`` in event payloads.
    """

    id: str
    account_id: str
    mode: Mode
    name: str
    email: str
    phone: str


class Customers(Protocol):
    """Customers, for domains and plugins; found with ``ctx.service(Customers)``. Joins the transaction under way."""

    async def get(self, *, account_id: str, mode: Mode, customer_id: str) -> Customer:
        """Return a customer.

        Raises:
            NotFound: The account has none such.
        """
        ...

    async def ensure(
        self, *, account_id: str, mode: Mode, name: str = "", email: str = "", phone: str = ""
    ) -> Customer:
        """Return the account's customer with this address, else with this number, made when there is none.

        Addresses are compared without regard to case, numbers by their digits. What the stored customer lacks is
        filled in; what it has stays. A name alone tells nobody apart, so it always makes a new customer.
        """
        ...
