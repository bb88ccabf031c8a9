"""States, scopes and the pages that may be returned to: what anybody may send is taken apart without surprise."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.connections.conftest import ALICE
from tests.core.connections.oauth import SETTINGS

from rallypoint.connections.api import OAuthFailed
from rallypoint.connections.consent import may_return, missing_scopes
from rallypoint.connections.states import States
from rallypoint.connections.tokens import Tokens
from rallypoint.settings import Settings
from rallypoint.storage.database import Database

NONCES = st.binary(min_size=32, max_size=32).map(
    lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
)


class NoDatabase:
    """Fails when anything is asked of it: what is not signed must not get so far."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the database was asked: {name}")


FORGING = States(NoDatabase(), SETTINGS)  # type: ignore[arg-type]


@given(st.text(max_size=200))
async def test_any_text_is_refused_before_the_database(text: str) -> None:
    with pytest.raises(OAuthFailed):
        await FORGING.use(text)
    with pytest.raises(OAuthFailed):
        await FORGING.look(text)


@given(NONCES, NONCES)
async def test_a_guessed_signature_is_refused(nonce: str, signature: str) -> None:
    with pytest.raises(OAuthFailed):
        await FORGING.use(f"{nonce}.{signature}")


@given(NONCES)
def test_a_signature_is_of_one_key_and_one_nonce(nonce: str) -> None:
    other = States(NoDatabase(), Settings(secret_key="y" * 32, _env_file=None))  # type: ignore[arg-type]
    from rallypoint.connections.states import _mac

    signed = f"{nonce}.{_mac(FORGING._signing, nonce)}"
    assert FORGING._id(signed)
    with pytest.raises(OAuthFailed):
        other._id(signed)
    for at in range(len(signed)):
        changed = signed[:at] + ("A" if signed[at] != "A" else "B") + signed[at + 1 :]
        with pytest.raises(OAuthFailed):
            FORGING._id(changed)


async def test_a_state_and_its_verifier_are_of_no_use_to_who_reads_the_database(database: Database) -> None:
    states = States(database, SETTINGS)
    async with database.transaction() as tx:
        state, verifier = await states.make(tx, ALICE, "cal", ["a"], "")
    rows = str([dict(row) for row in await database.fetch("SELECT * FROM oauth_states")])
    assert state.partition(".")[0] not in rows
    assert verifier not in rows
    assert 43 <= len(verifier) <= 128  # RFC 7636 §4.1
    assert (await states.use(state)).verifier == verifier


@pytest.mark.parametrize(
    ("asked", "granted", "missing"),
    [
        (["openid", "email"], [], ()),
        (["https://g.example/auth/calendar"], ["https://g.example/auth/calendar"], ()),
        (
            ["https://g.example/auth/calendar"],
            ["https://g.example/auth/calendar.readonly"],
            ("https://g.example/auth/calendar",),
        ),
        (["Calendars.ReadWrite", "offline_access"], ["https://graph.microsoft.com/Calendars.ReadWrite"], ()),
        (["https://graph.microsoft.com/Calendars.ReadWrite"], ["calendars.readwrite", "User.Read"], ()),
        (["https://a.example/x"], ["https://b.example/x"], ("https://a.example/x",)),
        (["meeting:write"], ["meeting:read"], ("meeting:write",)),
    ],
)
def test_scopes_are_compared_as_providers_write_them(
    asked: list[str], granted: list[str], missing: tuple[str, ...]
) -> None:
    assert missing_scopes(asked, granted) == missing


@given(st.lists(st.text(alphabet="abcXYZ./:-", min_size=1), max_size=6))
def test_what_was_granted_is_not_missing(scopes: list[str]) -> None:
    assert missing_scopes(scopes, scopes) == ()


@given(st.text(max_size=60))
def test_a_browser_is_sent_nowhere_by_accident(tail: str) -> None:
    for url in (f"//{tail}", f"https://evil.example/{tail}", f"https://app.example{tail}"):
        allowed = may_return(url, SETTINGS)
        assert (
            not allowed
            or url == "https://app.example"
            or url.startswith("https://app.example/")
            or url[19] in "?#"
        )


@given(
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    st.text(),
    st.none() | st.integers(0, 2**53),
)
def test_tokens_survive_packing(access: str, refresh: str, expires_at: int | None) -> None:
    tokens = Tokens(access, refresh, expires_at, 1000)
    assert Tokens.unpack(tokens.pack()) == tokens
    assert repr(tokens).startswith("<rallypoint.connections.tokens.Tokens object at ")


@pytest.mark.parametrize("text", ["", "key-of-alice", "[]", "{}", '{"a": 1}', "null", "5"])
def test_what_is_not_packed_tokens_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of json and of ours
        Tokens.unpack(text)
