"""Passwords: every byte counts, nobody waits on the loop, and unknown users cost the same."""

from __future__ import annotations

import asyncio
import time

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rallypoint.errors import Unavailable
from rallypoint.security.passwords import Passwords


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=8, max_size=128))
async def test_a_password_fits_itself_and_nothing_else(password: str) -> None:
    passwords = Passwords(cost=4)
    stored = await passwords.hash(password)

    assert len(stored) == 60
    assert await passwords.check(password, stored)
    assert not await passwords.check(f"{password}x", stored)
    assert not await passwords.check(f"x{password}", stored)


@pytest.mark.parametrize("tail", ["a", "\x00", "\ud800"])
async def test_bytes_beyond_bcrypts_72_and_after_a_nul_count(tail: str) -> None:
    passwords = Passwords(cost=4)
    stored = await passwords.hash("p" * 100 + "\x00" + tail)

    assert await passwords.check("p" * 100 + "\x00" + tail, stored)
    assert not await passwords.check("p" * 100 + "\x00" + "b", stored)
    assert not await passwords.check("p" * 100, stored)


async def test_two_ways_to_type_an_accent_are_one_password() -> None:
    passwords = Passwords(cost=4)

    assert await passwords.check("cafe\u0301 au lait", await passwords.hash("caf\u00e9 au lait"))


async def test_a_hash_is_bcrypt_of_cost_twelve_with_a_salt_of_its_own() -> None:
    first, second = await asyncio.gather(*(Passwords().hash("correct horse") for _ in range(2)))

    assert first.startswith("$2b$12$")
    assert first != second
    assert not bcrypt.checkpw(b"correct horse", first.encode()), "it is of the prepared form"


async def test_an_unknown_user_takes_as_long_and_never_fits() -> None:
    passwords = Passwords(cost=10)
    stored = await passwords.hash("correct horse")

    async def took(known: str | None) -> float:
        started = time.perf_counter()
        assert not await passwords.check("wrong horse", known)
        return time.perf_counter() - started

    known = min([await took(stored) for _ in range(5)])
    unknown = min([await took(None) for _ in range(5)])
    empty = min([await took("") for _ in range(5)])
    assert 0.5 < unknown / known < 2
    assert 0.5 < empty / known < 2


async def test_the_loop_runs_on_while_passwords_are_hashed() -> None:
    passwords = Passwords(cost=12, workers=1)
    hashing = asyncio.create_task(passwords.hash("correct horse"))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1

    assert turns > 10


async def test_too_many_at_once_are_refused_and_room_is_made_again() -> None:
    passwords = Passwords(cost=8, workers=1, waiting=3)
    results = await asyncio.gather(
        *(passwords.hash("correct horse") for _ in range(5)), return_exceptions=True
    )

    refused = [result for result in results if isinstance(result, Unavailable)]
    assert len(refused) == 2
    assert refused[0].headers["Retry-After"]
    assert await passwords.check("correct horse", str(results[0]))
