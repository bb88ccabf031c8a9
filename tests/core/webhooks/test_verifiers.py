"""The ready verifiers, against signatures made by others' code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from rallypoint.errors import Unauthorized, Unavailable
from rallypoint.plugins.contributions import Inbound, Verifier
from rallypoint.webhooks import signing
from rallypoint.webhooks.verifiers import hmac_verifier, standard_webhooks_verifier, token_verifier

BODY = b'{"hello":"w\xc3\xb6rld"}'
SECRET = "s3cret"


def inbound(body: bytes = BODY, **headers: str) -> Inbound:
    return Inbound(body, {name.replace("_", "-"): value for name, value in headers.items()}, {}, "https://x/")


def refused(verify: Verifier, request: Inbound) -> bool:
    try:
        verify(request)
    except Unauthorized:
        return True
    return False


def digest(algorithm: str, content: bytes = BODY) -> bytes:
    return hmac.new(SECRET.encode(), content, algorithm).digest()


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_hex_with_a_prefix_as_github_signs(algorithm: str) -> None:
    verify = hmac_verifier("X-Hub-Signature", SECRET, algorithm, prefix=f"{algorithm}=")  # type: ignore[arg-type]
    good = f"{algorithm}={digest(algorithm).hex()}"
    verify(inbound(x_hub_signature=good))
    verify(inbound(x_hub_signature=f"{algorithm}={digest(algorithm).hex().upper()}"))
    for bad in (digest(algorithm).hex(), good[:-1], good + "0", f"{algorithm}=", "ä" * len(good), "\udcff"):
        assert refused(verify, inbound(x_hub_signature=bad))
    assert refused(verify, inbound(b"other", x_hub_signature=good))
    assert refused(verify, inbound())


def test_base64_distinguishes_case() -> None:
    verify = hmac_verifier("x-sig", SECRET, encoding="base64")
    good = base64.b64encode(digest("sha256")).decode()
    verify(inbound(x_sig=good))
    assert refused(verify, inbound(x_sig=good.swapcase()))


def test_a_template_with_a_timestamp_as_slack_signs() -> None:
    verify = hmac_verifier(
        "x-slack-signature",
        SECRET,
        prefix="v0=",
        template="v0:{timestamp}:{body}",
        timestamp_header="x-slack-request-timestamp",
    )

    def signed(at: float, shown: str | None = None) -> Inbound:
        content = f"v0:{int(at)}:".encode() + BODY
        return inbound(
            x_slack_signature="v0=" + digest("sha256", content).hex(),
            x_slack_request_timestamp=shown or str(int(at)),
        )

    now = time.time()
    verify(signed(now))
    verify(signed(now - 250))
    assert refused(verify, signed(now - 400))
    assert refused(verify, signed(now + 400))
    assert refused(verify, signed(now, shown=str(int(now) + 1)))
    for nonsense in ("soon", "-1", "1e9", "9" * 30, "٣"):
        assert refused(verify, signed(now, shown=nonsense))


def test_a_token() -> None:
    verify = token_verifier("x-token", lambda: SECRET)
    verify(inbound(x_token=SECRET))
    for bad in (SECRET + "x", SECRET[:-1], "other!"):
        assert refused(verify, inbound(x_token=bad))
    assert refused(verify, inbound())


def test_standard_webhooks_by_its_own_library() -> None:
    secret, old = signing.new_secret(), signing.new_secret()
    verify = standard_webhooks_verifier(lambda: secret)
    now = datetime.now(UTC)

    def signed(signature: str, at: datetime = now, body: bytes = BODY) -> Inbound:
        stamp = str(int(at.timestamp()))
        return inbound(body, webhook_id="msg_1", webhook_timestamp=stamp, webhook_signature=signature)

    good = Webhook(secret).sign("msg_1", now, BODY.decode())
    other = Webhook(old).sign("msg_1", now, BODY.decode())
    verify(signed(good))
    verify(signed(f"{other} {good}"))
    assert refused(verify, signed(other))
    assert refused(verify, signed(good, body=b"other"))
    assert refused(verify, signed(" ".join([other] * 30 + [good])))
    stale = datetime.fromtimestamp(now.timestamp() - 1000, UTC)
    assert refused(verify, signed(Webhook(secret).sign("msg_1", stale, BODY.decode()), stale))


@pytest.mark.parametrize(
    "verify", [hmac_verifier("x", ""), token_verifier("x", lambda: ""), standard_webhooks_verifier("")]
)
def test_without_a_secret_the_provider_is_not_configured(verify: Verifier) -> None:
    with pytest.raises(Unavailable):
        verify(inbound(x="anything"))


@given(st.binary(max_size=200), st.text(max_size=80))
def test_only_the_right_signature_passes(body: bytes, guess: str) -> None:
    verify = hmac_verifier("x-sig", SECRET)
    right = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    verify(inbound(body, x_sig=right))
    assert refused(verify, inbound(body, x_sig=guess)) or guess.lower() == right


@given(st.binary(max_size=200))
def test_our_own_signatures_are_those_of_the_library(body: bytes) -> None:
    secret = signing.new_secret()
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    now = datetime.now(UTC)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return
    expected = Webhook(secret).sign("id", now, text)
    assert signing.sign_standard(secret, "id", int(now.timestamp()), body) == expected
