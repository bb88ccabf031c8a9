"""Access tokens: what is in them, and that only ours count."""

from __future__ import annotations

import base64
import json
import string
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from rallypoint.errors import Unauthorized
from rallypoint.security.tokens import AccessClaims, AccessTokens, digest, new_secret

KEY = b"k" * 32
NOW = int(time.time())
CLAIMS = AccessClaims("jti-1", "user-1", "account-1", "admin", "live", NOW, NOW + 3600)


def forged(header: dict[str, Any], claims: dict[str, Any], key: bytes = KEY) -> str:
    return jwt.encode(header, claims, OctKey.import_key(key), algorithms=["HS256", "HS512"])


def unsigned(claims: dict[str, Any]) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def documented(**change: Any) -> dict[str, Any]:
    return {
        "iss": "rallypoint", "sub": "user-1", "acc": "account-1", "jti": "jti-1", "role": "admin",
        "mode": "live", "iat": NOW, "exp": NOW + 3600, **change,
    }  # fmt: skip


def test_a_token_is_a_jwt_with_the_documented_claims() -> None:
    token = AccessTokens(KEY).issue(CLAIMS)

    header, payload, _ = (base64.urlsafe_b64decode(f"{part}==") for part in token.split("."))
    assert json.loads(header) == {"typ": "JWT", "alg": "HS256"}
    assert json.loads(payload) == documented()
    assert AccessTokens(KEY).read(token) == CLAIMS


def test_an_expired_token_says_so() -> None:
    with pytest.raises(Unauthorized, match="expired"):
        AccessTokens(KEY).read(AccessTokens(KEY).issue(replace(CLAIMS, expires_at=NOW)))


@pytest.mark.parametrize(
    "token",
    [
        forged({"alg": "HS512"}, documented()),
        unsigned(documented()),
        forged({"alg": "HS256", "kid": "x"}, documented()),
        forged({"alg": "HS256"}, documented(), b"j" * 32),
        forged({"alg": "HS256"}, documented(iss="someone else")),
        forged({"alg": "HS256"}, documented(exp=None)),
        forged({"alg": "HS256"}, documented(exp="soon")),
        forged({"alg": "HS256"}, documented(jti=None)),
        forged({"alg": "HS256"}, documented(padding="x" * 2048)),
    ],
)
def test_a_token_made_otherwise_is_refused(token: str) -> None:
    with pytest.raises(Unauthorized):
        AccessTokens(KEY).read(token)


@given(st.lists(st.text(alphabet=string.ascii_letters + string.digits + "-_=+/ \u00e4\x00"), max_size=5))
def test_parts_under_our_header_do_not_break_the_reader(parts: list[str]) -> None:
    header = AccessTokens(KEY).issue(CLAIMS).partition(".")[0]
    with pytest.raises(Unauthorized):
        AccessTokens(KEY).read(".".join([header, *parts]))


def test_secrets_are_random_words_kept_as_digests() -> None:
    made = {new_secret("rp_live_") for _ in range(1000)}

    assert len(made) == 1000
    assert all(len(each) == 48 and each.removeprefix("rp_live_").isalnum() for each in made)
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest("\ud800") != digest("\ud801")
