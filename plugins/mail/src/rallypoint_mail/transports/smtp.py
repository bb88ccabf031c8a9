"""SMTP (RFC 5321), over TLS unless the mail server is this machine."""

from __future__ import annotations

import ssl
from collections.abc import Iterable

import aiosmtplib

from rallypoint.domains.mailer.api import Handover, OutgoingMail, TransportAway
from rallypoint.sdk import BadConfig, PermanentFailure, RetryLater
from rallypoint_mail.sender import address_of
from rallypoint_mail.settings import MailSettings

_TIMEOUT = 30.0
_SHUTTING_DOWN = 421
_TOO_LARGE = 552
_USUAL_PORTS = {"none": 25, "tls": 465, "starttls": 587}


class Smtp:
    """Hands messages to one mail server, over a connection of its own each.

    Args:
        settings: ``smtp_…``.
        sender: The ``From`` header, whose address is the envelope's sender too.
    """

    def __init__(self, settings: MailSettings, sender: str) -> None:
        self._settings, self._address = settings, address_of(sender)
        self._security = _security(settings)
        self._port = settings.smtp_port or _USUAL_PORTS[self._security]

    async def send(self, mail: OutgoingMail) -> Handover:
        """Hand a message over; recipients are refused one by one.

        Raises:
            TransportAway: The server cannot be reached, is shutting down, or breaks off.
            BadConfig: It refuses the user name, the sender, or TLS.
            RetryLater: It does not take this message now.
            PermanentFailure: It will never take this message.
        """
        if self._security == "none" and self._settings.smtp_username and not self._settings.smtp_is_local:
            raise BadConfig("RALLYPOINT_MAIL_SMTP_SECURITY=none would show the password to the network")
        try:
            async with self._client() as client:
                refused, said = await client.sendmail(self._address, mail.recipients, mail.mime)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _sorted((one.recipient, one.code, one.message) for one in error.recipients)
        except (aiosmtplib.SMTPException, ssl.SSLError, OSError) as error:
            raise _meaning(error) from error
        return _sorted(((name, one.code, one.message) for name, one in refused.items()), said)

    def _client(self) -> aiosmtplib.SMTP:
        settings, tls = self._settings, self._security != "none"
        return aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=self._port,
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",
            username=settings.smtp_username or None,
            password=settings.smtp_password.get_secret_value() if settings.smtp_username else None,
            cert_bundle=(settings.smtp_ca_file or None) if tls else None,
            local_hostname=self._address.rpartition("@")[2],  # else it asks the name server for its own name
            timeout=_TIMEOUT,
        )


def _security(settings: MailSettings) -> str:
    if settings.smtp_security != "auto":
        return settings.smtp_security
    if settings.smtp_port == _USUAL_PORTS["tls"]:
        return "tls"
    return "none" if settings.smtp_is_local else "starttls"


def _sorted(answers: Iterable[tuple[str, int, str]], said: str = "") -> Handover:
    """Sort those who were refused by whether it was for ever: 4xx is for now (RFC 5321 §4.2.1)."""
    later: list[str] = []
    refused: list[str] = []
    words = [said] if said else []
    for recipient, code, message in answers:
        (later if code < 500 else refused).append(recipient)
        words.append(f"{code} {message}")
    return Handover("; ".join(words), later=tuple(later), refused=tuple(refused))


def _meaning(error: Exception) -> Exception:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _answered(error)
    if isinstance(error, aiosmtplib.SMTPNotSupported) or type(error) is aiosmtplib.SMTPException:
        return BadConfig(f"the mail server cannot do what the settings ask for: {error}")
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return BadConfig(f"the mail server's certificate is not trusted, or it speaks no TLS here: {error}")
    return TransportAway(f"the mail server cannot be reached: {error}")


def _answered(error: aiosmtplib.SMTPResponseException) -> Exception:
    said = f"the mail server said {error.code} {error.message}"
    if error.code == _SHUTTING_DOWN:
        return TransportAway(said)
    if isinstance(error, aiosmtplib.SMTPDataError) or error.code == _TOO_LARGE:
        return PermanentFailure(said) if error.code >= 500 else RetryLater(said)
    if error.code < 500:
        return TransportAway(said)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return BadConfig(f"RALLYPOINT_MAIL_SMTP_USERNAME or _PASSWORD is refused: {said}")
    if isinstance(error, aiosmtplib.SMTPSenderRefused):
        return BadConfig(f"RALLYPOINT_MAIL_FROM is refused: {said}")
    return TransportAway(said)
