"""What may be sent: no header can be smuggled in, no list of recipients grows without end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domains.mailer.conftest import email
from rallypoint.domains.mailer.checks import MAX_RECIPIENTS, address, checked
from rallypoint.errors import ValidationFailed


@pytest.mark.parametrize(
    ("given_", "sent"),
    [
        ("ada@example.com", "ada@example.com"),
        (" ada@example.com ", "ada@example.com"),
        ("Ada.L+x@EXAMPLE.com", "Ada.L+x@example.com"),
        ("ada@intranet", "ada@intranet"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_brought_into_the_form_in_which_it_is_sent(given_: str, sent: str) -> None:
    assert address(given_) == sent


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "a da@example.com",
        "ada@example.com\nBcc: eve@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com,eve@example.com",
        "Ada <ada@example.com>",
        '"a\\"b"@example.com',
        "ada@[127.0.0.1]",
        "ädä@example.com",
        "ada\x00@example.com",
        "a" * 65 + "@example.com",
        "ada@" + "a" * 260 + ".com",
        "ada@-example.com",
        "ada@example..com",
    ],
)
def test_what_is_no_address_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        address(bad)


@given(st.text(max_size=80))
def test_no_text_becomes_an_address_that_breaks_a_header(text: str) -> None:
    try:
        found = address(text)
    except ValueError:
        return
    assert found.isascii()
    assert found.isprintable()
    assert not set(found) & set(" ,;<>()")


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"to": ()}, "to"),
        ({"to": ("nobody",)}, "to"),
        ({"cc": ("nobody",)}, "cc"),
        ({"reply_to": "nobody"}, "reply_to"),
        ({"to": tuple(f"u{number}@example.com" for number in range(MAX_RECIPIENTS + 1))}, "to"),
        ({"subject": "one\r\nBcc: eve@example.com"}, "subject"),
        ({"subject": "one\ntwo"}, "subject"),
        ({"subject": "one\u2028two"}, "subject"),
        ({"subject": "x" * 251}, "subject"),
        ({"subject": "\ud800"}, "subject"),
        ({"text": "x" * 100_001}, "text"),
        ({"text": "\udfff"}, "text"),
        ({"html": "x" * 200_001}, "html"),
        ({"calendar": b"BEGIN:VCALENDAR"}, "calendar_method"),
        ({"calendar": b"BEGIN:VCALENDAR", "calendar_method": "REQUEST; x=y"}, "calendar_method"),
        ({"calendar_method": "REQUEST"}, "calendar_method"),
        ({"calendar": b"x" * 100_001, "calendar_method": "REQUEST"}, "calendar"),
    ],
)
def test_a_message_that_may_not_be_sent_says_which_field_is_wrong(
    parts: dict[str, object], field: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        checked(email(**{"subject": "Hello", **parts}))
    assert list(refused.value.fields) == [field]


def test_somebody_named_twice_gets_it_once() -> None:
    message = checked(email("Hello", to=("ada@example.com", " ada@EXAMPLE.com"), cc=("ada@example.com",)))
    assert message.recipients == ("ada@example.com",)
