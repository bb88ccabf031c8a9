"""Customers are found by address, then by number, and made once, however many look at once."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.domains.customers.api import Customers
from rallypoint.domains.customers.service import email_key, phone_key
from rallypoint.errors import NotFound
from rallypoint.storage.ids import new_id


@pytest.fixture
def customers(app):
    return app.house.kernel.services.get(Customers)


@pytest.fixture
def whose():
    return {"account_id": new_id(), "mode": "live"}


async def test_an_address_finds_its_customer_whatever_its_case(customers, whose):
    made = await customers.ensure(**whose, name="John Doe", email="John@Example.com")
    assert await customers.ensure(**whose, email=" john@example.COM ") == made
    assert await customers.get(**whose, customer_id=made.id) == made


async def test_a_number_finds_its_customer_however_it_is_written(customers, whose):
    made = await customers.ensure(**whose, phone="+44 7700 900123")
    assert (await customers.ensure(**whose, phone="+44 (7700) 900-123")).id == made.id
    assert (await customers.ensure(**whose, phone="07700 900123")).id != made.id
    assert (await customers.ensure(**whose, phone="123")).id != (
        await customers.ensure(**whose, phone="123")
    ).id


async def test_what_is_known_stays_and_what_is_missing_is_filled_in(customers, whose):
    made = await customers.ensure(**whose, email="john@example.com")
    known = await customers.ensure(**whose, name="John", email="john@example.com", phone="+44 7700 900123")
    assert (known.id, known.name, known.phone) == (made.id, "John", "+44 7700 900123")
    again = await customers.ensure(**whose, name="Jane", email="john@example.com", phone="+1 555 0100 00")
    assert again == known
    assert (await customers.ensure(**whose, phone="+447700900123")).id == made.id


async def test_a_name_alone_tells_nobody_apart(customers, whose):
    first, second = [await customers.ensure(**whose, name="John Doe") for _ in range(2)]
    assert first.id != second.id


async def test_accounts_and_modes_share_nobody(customers, whose):
    made = await customers.ensure(**whose, email="john@example.com")
    for other in ({**whose, "account_id": new_id()}, {**whose, "mode": "sandbox"}):
        assert (await customers.ensure(**other, email="john@example.com")).id != made.id
        with pytest.raises(NotFound):
            await customers.get(**other, customer_id=made.id)
    with pytest.raises(NotFound):
        await customers.get(**whose, customer_id="x' OR 1=1")


async def test_of_many_who_look_at_once_one_makes_them(customers, whose):
    looks = [
        customers.ensure(**whose, name=f"N{n}", email="john@example.com", phone="+44 7700 900123")
        for n in range(8)
    ]
    assert len({made.id for made in await asyncio.gather(*looks)}) == 1


@given(st.text(max_size=60))
def test_keys_are_stable_and_short(text):
    for key_of in (email_key, phone_key):
        key = key_of(text)
        assert key is None or (0 < len(key) <= 254 and key_of(key) == key)
