"""Which URLs and addresses may be targets."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.errors import ValidationFailed
from rallypoint.webhooks.guard import PrivateAddressError, check_url, guarded_socket, is_public

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1%eth0",
    "fc00::1",
    "fd12::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
]
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_a_private_address_stays_private_inside_of_ipv6(address: object) -> None:
    assert not is_public(f"::ffff:{address}")
    assert not is_public(f"64:ff9b::{address}")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://",
        "//example.com/x",
        "example.com",
        "https://user:pass@example.com/",
        "https://user@example.com/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://localhost/",
        "https://app.localhost./",
        "https://169.254.169.254/latest/meta-data",
        "https://example.com/ path",
        "https://example.com/\r\nX: y",
        "https://example.com/\x86",
        "https://example.com:99999/",
        "https://[::1/",
        "https://example.com/" + "x" * 2048,
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        check_url(url, allow_private=False)
    assert list(refusal.value.fields) == ["webhook_url"]


@pytest.mark.parametrize(
    "url", ["https://example.com/x?y=1", "https://example.com:8443/", "https://8.8.8.8/"]
)
def test_urls_that_are_taken(url: str) -> None:
    check_url(url, allow_private=False)


def test_development_may_use_this_machine() -> None:
    check_url("http://127.0.0.1:9000/hook", allow_private=True)
    with pytest.raises(ValidationFailed):
        check_url("ftp://127.0.0.1/", allow_private=True)


def test_no_socket_is_made_for_a_private_address() -> None:
    with pytest.raises(PrivateAddressError):
        guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80)))
    guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))).close()
