"""Encryption at rest, for what must be read again (tokens of providers) and not only compared."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from rallypoint.settings import Settings


class VaultError(Exception):
    """A stored value cannot be decrypted: it is damaged, or its key is none of ours."""


class Vault:
    """Encrypts with a key derived from ``SECRET_KEY``, and still decrypts what older keys encrypted.

    Args:
        settings: Whose ``secret_key`` is the current one, ``previous_secret_keys`` the older ones.
    """

    def __init__(self, settings: Settings) -> None:
        fernets = [Fernet(each.derive_urlsafe("vault")) for each in (settings, *settings.previous)]
        self._current, self._fernet = fernets[0], MultiFernet(fernets)

    def encrypt(self, plain: str) -> str:
        """Return ``plain`` encrypted and authenticated, as ASCII text."""
        return self._fernet.encrypt(plain.encode()).decode("ascii")

    def decrypt(self, sealed: str) -> str:
        """Return what :meth:`encrypt` was given.

        Raises:
            VaultError: It was not made by this server's keys.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except (InvalidToken, UnicodeError):
            raise self._refusal() from None

    def rotate(self, sealed: str) -> str:
        """Return the same value encrypted with the current key.

        Raises:
            VaultError: As :meth:`decrypt`.
        """
        try:
            return self._fernet.rotate(sealed.encode()).decode("ascii")
        except (InvalidToken, UnicodeError):
            raise self._refusal() from None

    def is_current(self, sealed: str) -> bool:
        """Tell whether ``sealed`` was made with the current key."""
        try:
            self._current.decrypt(sealed.encode())
        except (InvalidToken, UnicodeError):
            return False
        return True

    @staticmethod
    def _refusal() -> VaultError:
        return VaultError(
            "a stored secret cannot be decrypted; if RALLYPOINT_SECRET_KEY was changed,"
            " put the old one into RALLYPOINT_PREVIOUS_SECRET_KEYS"
        )
