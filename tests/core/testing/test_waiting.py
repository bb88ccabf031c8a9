"""Waiting for an answer: as long as it takes, and no longer than was said."""

from __future__ import annotations

import itertools

import pytest

from rallypoint.testing.waiting import eventually


async def test_the_first_right_answer_is_returned():
    counter = itertools.count()

    async def ask():
        return next(counter)

    assert await eventually(ask, lambda number: number >= 3) == 3


async def test_an_answer_that_stays_wrong_is_shown():
    async def ask():
        return "no"

    with pytest.raises(AssertionError, match="still 'no' after"):
        await eventually(ask, lambda answer: answer == "yes", seconds=0.1)
