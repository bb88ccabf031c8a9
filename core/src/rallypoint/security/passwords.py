"""Passwords: bcrypt off the event loop, a bounded number at once, and the same work for unknown users.

bcrypt reads 72 bytes and stops at none further, so a password is first put through HMAC-SHA-256 with a fixed
label. Every byte of it then counts, whatever its length, and because no other system uses this label a leaked
list of plain SHA-256 digests is of no use against our hashes ("password shucking", OWASP Password Storage).
The label is no secret: one would lock every user out on the day it is lost.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import unicodedata
from collections.abc import Callable
from typing import TypeVar

import bcrypt

from rallypoint.errors import Unavailable

COST = 12
MIN_LENGTH, MAX_LENGTH = 8, 128

P = TypeVar("P")
R = TypeVar("R")

_LABEL = b"rallypoint/password/1"


class Passwords:
    """Hashes and checks passwords.

    Args:
        cost: Base-2 logarithm of bcrypt's rounds; 12 is about 250 ms of CPU.
        workers: How many run at once; half the processors when left out, which leaves the rest for others.
        waiting: How many may run or wait their turn before further ones are refused.
    """

    def __init__(self, *, cost: int = COST, workers: int | None = None, waiting: int = 64) -> None:
        self._cost = cost
        self._turns = asyncio.Semaphore(workers or max(1, (os.cpu_count() or 1) // 2))
        self._places = waiting
        self._unknown = f"$2b${cost:02d}${'.' * 53}"

    async def hash(self, password: str) -> str:
        """Return the hash to store.

        Raises:
            Unavailable: Too many wait already.
        """
        return await self._run(_hash, password, self._cost)

    async def check(self, password: str, stored: str | None) -> bool:
        """Tell whether ``password`` is the one that was hashed; None, for no such user, takes as long.

        Raises:
            Unavailable: Too many wait already.
        """
        return await self._run(_check, password, stored or self._unknown) and bool(stored)

    async def _run(self, work: Callable[[str, P], R], password: str, argument: P) -> R:
        if self._places <= 0:
            raise Unavailable(
                "Too many sign-ins at once; try again in a moment", headers={"Retry-After": "5"}
            )
        self._places -= 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work, password, argument)
        finally:
            self._places += 1


def _prepared(password: str) -> bytes:
    text = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.new(_LABEL, text, hashlib.sha256).digest())


def _hash(password: str, cost: int) -> str:
    return bcrypt.hashpw(_prepared(password), bcrypt.gensalt(cost)).decode("ascii")


def _check(password: str, stored: str) -> bool:
    return bcrypt.checkpw(_prepared(password), stored.encode("ascii"))
