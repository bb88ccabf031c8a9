"""Who stands behind a user's id."""

from __future__ import annotations

from rallypoint.app import App
from rallypoint.identity.accounts import Applicant
from rallypoint.identity.api import People
from rallypoint.storage.ids import new_id


async def test_a_user_is_found_in_the_own_account_alone(app: App) -> None:
    house = app.house
    email = f"{new_id()}@example.com"
    await house.identity.accounts.register(
        Applicant(email=email, password="correct horse battery", company_name="Acme", full_name="Ada L")
    )
    row = await house.database.fetch_one("SELECT id, account_id FROM users WHERE email = ?", email)
    assert row is not None
    people = house.kernel.services.get(People)

    person = await people.find(row["account_id"], row["id"])
    assert person is not None
    assert (person.email, person.name, person.account_name) == (email, "Ada L", "Acme")
    assert await people.find(new_id(), row["id"]) is None
    assert await people.account_name(row["account_id"]) == "Acme"
    assert await people.account_name(new_id()) == ""


async def test_one_who_has_left_is_not_written_to(app: App) -> None:
    house = app.house
    email = f"{new_id()}@example.com"
    await house.identity.accounts.register(
        Applicant(email=email, password="correct horse battery", company_name="Acme")
    )
    async with house.database.transaction() as tx:
        row = await tx.fetch_one(
            "UPDATE users SET disabled_at = 1 WHERE email = ? RETURNING id, account_id", email
        )
    assert row is not None
    assert await house.kernel.services.get(People).find(row["account_id"], row["id"]) is None
