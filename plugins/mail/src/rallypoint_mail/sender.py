"""Who the messages are from."""

from __future__ import annotations

from email.utils import parseaddr
from ipaddress import ip_address
from urllib.parse import urlsplit

from rallypoint_mail.settings import MailSettings


def sender_of(settings: MailSettings, public_url: str) -> str:
    """Return the ``From`` header: as set, else an address at the server's own host."""
    return settings.sender or f"appointments@{host_of(public_url)}"


def host_of(public_url: str) -> str:
    """Return a URL's host as the domain of an address; ``localhost`` for one that is a number."""
    host = urlsplit(public_url).hostname or "localhost"
    try:
        ip_address(host)
    except ValueError:
        return host
    return "localhost"


def address_of(sender: str) -> str:
    """Return the bare address of a ``From`` header."""
    return parseaddr(sender)[1]


def name_of(sender: str) -> str:
    """Return the name in a ``From`` header; empty when there is none."""
    return parseaddr(sender)[0]
