"""Encryption at rest and the rotation of its keys."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.security.vault import Vault, VaultError
from rallypoint.settings import Settings

OLD, OLDER, NEW = "o" * 32, "p" * 40, "n" * 32


def vault(key: str, previous: str = "") -> Vault:
    return Vault(Settings(_env_file=None, secret_key=key, previous_secret_keys=previous))


@given(st.text())
def test_what_goes_in_comes_out(plain: str) -> None:
    sealed = vault(NEW).encrypt(plain)

    assert sealed.isascii()
    assert vault(NEW).decrypt(sealed) == plain
    assert len(plain) < 4 or plain not in sealed


SEALED = vault(NEW).encrypt("token")


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_value_with_any_byte_changed_is_refused(place: int, flip: int) -> None:
    content = bytearray(base64.urlsafe_b64decode(SEALED))
    content[place % len(content)] ^= flip

    with pytest.raises(VaultError):
        vault(NEW).decrypt(base64.urlsafe_b64encode(content).decode())


@pytest.mark.parametrize("sealed", ["", "not sealed", "gAAAA", "\ud800", "\u00e4"])
def test_what_was_never_sealed_is_refused(sealed: str) -> None:
    with pytest.raises(VaultError, match="PREVIOUS_SECRET_KEYS"):
        vault(NEW).decrypt(sealed)
    with pytest.raises(VaultError):
        vault(NEW).rotate(sealed)


def test_old_keys_still_open_what_they_sealed_and_rotation_frees_it_of_them() -> None:
    sealed = [vault(OLD).encrypt("token"), vault(OLDER).encrypt("token")]
    both = vault(NEW, f"{OLD}, {OLDER},")

    assert [both.decrypt(each) for each in sealed] == ["token", "token"]
    with pytest.raises(VaultError):
        vault(NEW).decrypt(sealed[0])
    assert [vault(NEW).decrypt(both.rotate(each)) for each in sealed] == ["token", "token"]
    with pytest.raises(VaultError):
        vault(OLD).decrypt(both.encrypt("token"))
