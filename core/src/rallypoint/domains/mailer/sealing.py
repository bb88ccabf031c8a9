"""Messages at rest: encrypted, the addresses apart from the rest, which is dropped once it is sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rallypoint.domains.mailer.api import Email
from rallypoint.security.vault import Vault

_ENVELOPE = ("to", "cc", "reply_to", "subject")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a list shows of a message.

    Args:
        left: Recipients who are still to be reached.
    """

    to: tuple[str, ...]
    cc: tuple[str, ...]
    reply_to: str
    subject: str
    left: tuple[str, ...]


class Sealer:
    """Encrypts messages and reads them again.

    Args:
        vault: With the server's keys.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def envelope(self, email: Email, left: Sequence[str]) -> str:
        """Return the column ``envelope`` of a message."""
        parts = {name: getattr(email, name) for name in _ENVELOPE}
        return self._seal({**parts, "left": list(left)})

    def content(self, email: Email) -> str:
        """Return the column ``content`` of a message."""
        parts = {name: value for name, value in asdict(email).items() if name not in _ENVELOPE}
        return self._seal({**parts, "calendar": base64.b64encode(email.calendar).decode()})

    def open_envelope(self, sealed: str) -> Envelope:
        """Read a column ``envelope``.

        Raises:
            VaultError: It was not written with this server's keys.
        """
        parts = self._open(sealed)
        lists = {name: tuple(parts[name]) for name in ("to", "cc", "left")}
        return Envelope(reply_to=parts["reply_to"], subject=parts["subject"], **lists)

    def open(self, envelope: str, content: str) -> tuple[Email, tuple[str, ...]]:
        """Read a message, and who is still to be reached.

        Raises:
            VaultError: As :meth:`open_envelope`.
        """
        outside, inside = self.open_envelope(envelope), self._open(content)
        email = Email(
            to=outside.to,
            cc=outside.cc,
            reply_to=outside.reply_to,
            subject=outside.subject,
            **{**inside, "calendar": base64.b64decode(inside["calendar"])},
        )
        return email, outside.left

    def _seal(self, parts: Mapping[str, Any]) -> str:
        return self._vault.encrypt(json.dumps(parts, ensure_ascii=False))

    def _open(self, sealed: str) -> dict[str, Any]:
        parts: dict[str, Any] = json.loads(self._vault.decrypt(sealed))
        return parts
