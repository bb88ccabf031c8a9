"""The egress guard: webhook targets must be public, checked on the very address that is connected to.

A check of the URL alone is not enough: names resolve to anything, and to something else a moment later.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

import aiohttp

from rallypoint.errors import ValidationFailed

MAX_URL = 2048
_FIELD = "webhook_url"
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_V4_COMPATIBLE = ipaddress.IPv6Network("::/96")

AddrInfo = tuple[int, int, int, str, tuple[object, ...]]
SocketFactory = Callable[[AddrInfo], socket.socket]


class PrivateAddressError(OSError):
    """The address is not a public one; nothing was sent."""


def is_public(address: str) -> bool:
    """Tell whether an IP address is a host of the public internet.

    IPv6 addresses that carry an IPv4 address (mapped, compatible, 6to4, NAT64 of RFC 6052 and 8215) are as
    public as that; Teredo is not public at all.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = _embedded(ip)
        if inner is not None:
            return is_public(str(inner))
        if ip.teredo is not None or ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    if ip in _NAT64[0] or ip in _NAT64[1] or (ip in _V4_COMPATIBLE and int(ip) > 1):
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour


def guarded_socket(info: AddrInfo) -> socket.socket:
    """Make the socket for one resolved address; aiohttp calls this right before it connects.

    Raises:
        PrivateAddressError: The address is not public.
    """
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise PrivateAddressError("the target resolves to an address that is not public")
    return socket.socket(family, kind, protocol)


def make_session(*, allow_private: bool, timeout: float) -> aiohttp.ClientSession:
    """Return a session for webhook targets alone: no cookies, no proxies, no redirects followed by its user.

    Args:
        allow_private: Leave the guard out.
        timeout: Seconds for one whole attempt.
    """
    connector = aiohttp.TCPConnector(
        limit=0, ttl_dns_cache=30, socket_factory=None if allow_private else guarded_socket
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=timeout),
        auto_decompress=False,
        trust_env=False,
    )


def check_url(url: str, *, allow_private: bool) -> None:
    """Refuse what can never be a target; what the name resolves to is checked when it is connected to.

    Raises:
        ValidationFailed: With the reason under ``webhook_url``.
    """
    reason = _objection(url, allow_private)
    if reason is not None:
        raise ValidationFailed({_FIELD: [reason]})


def _objection(url: str, allow_private: bool) -> str | None:
    if len(url) > MAX_URL:
        return f"must have at most {MAX_URL} characters"
    if not url.isprintable() or " " in url:
        return "must not contain spaces or control characters"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a valid URL"
    wrong = {
        "must be an absolute URL with a host": not host,
        "must be an https URL": parts.scheme != "https" and not (allow_private and parts.scheme == "http"),
        "must not contain credentials": parts.username is not None or parts.password is not None,
        "must not be a private address": not allow_private and _is_private_literal(host or ""),
    }
    return next((reason for reason, holds in wrong.items() if holds), None)


def _is_private_literal(host: str) -> bool:
    """Tell whether a host is an address that is not public, in any form that resolvers read as one."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not is_public(name)
    except ValueError:
        pass
    try:
        return not is_public(socket.inet_ntoa(socket.inet_aton(name)))
    except OSError:
        return False
