"""Keys: their form, that there is one, how they are kept, and how they end."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

from rallypoint.testing.server import ServerProcess

from .conftest import Caller, Zapier, zapier_of

GENERATE, REVOKE = "/integrations/zapier/generate-key", "/integrations/zapier/revoke-key"


def test_a_key_has_its_form_and_comes_back(alice: Caller) -> None:
    status, reply = alice("POST", GENERATE)
    assert (status, reply["success"]) == (200, True)
    data = reply["data"]
    assert re.fullmatch(r"czp_[A-Za-z0-9]{40}", data["apiKey"])
    assert re.fullmatch(rf"{alice.server.url}/webhooks/zapier/user_\d+", data["webhookUrl"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", data["createdAt"])
    assert alice("POST", GENERATE)[1]["data"] == data


def test_the_status_shows_it(alice: Caller) -> None:
    assert alice("GET", "/integrations/status")[1]["data"]["zapier"] == {"connected": False}
    data = alice("POST", GENERATE)[1]["data"]
    assert alice("GET", "/integrations/status")[1]["data"]["zapier"] == {"connected": True, **data}
    alice("DELETE", REVOKE)
    assert alice("GET", "/integrations/status")[1]["data"]["zapier"] == {"connected": False}


def test_many_at_once_get_one_key(alice: Caller) -> None:
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: alice("POST", GENERATE), range(40)))
    assert {status for status, _ in replies} == {200}
    assert len({reply["data"]["apiKey"] for _, reply in replies}) == 1


def test_revoking_is_always_well(alice: Caller) -> None:
    done = {"success": True, "message": "Zapier API key revoked successfully"}
    assert alice("DELETE", REVOKE) == (200, done)
    alice("POST", GENERATE)
    assert alice("DELETE", REVOKE) == (200, done)
    assert alice("DELETE", REVOKE) == (200, done)


def test_a_revoked_key_opens_nothing_and_the_next_is_another(alice: Caller, zapier: Zapier) -> None:
    assert zapier("GET")[0] == 200
    alice("DELETE", REVOKE)
    refused = {
        "success": False,
        "error": {"code": "UNAUTHORIZED", "message": "The key is not valid", "details": {}},
    }
    assert zapier("GET") == (401, refused)
    assert zapier("POST", "/actions/cancel-appointment", {"appointmentId": 1})[0] == 401
    other = zapier_of(alice)
    assert other.key != zapier.key
    assert (other("GET")[0], zapier("GET")[0]) == (200, 401)


def test_a_token_is_needed(alice: Caller) -> None:
    for method, path in (("POST", GENERATE), ("DELETE", REVOKE)):
        status, reply = alice.server.request(method, path)
        assert (status, reply["success"], reply["error"]["code"]) == (401, False, "UNAUTHORIZED")


def test_nothing_is_kept_in_the_clear(alice: Caller, zapier: Zapier, column: str) -> None:
    zapier.book()
    log = alice.server.log.read_text()
    assert zapier.key not in log
    if column == "sqlite":
        files = alice.server.log.parent.glob("rallypoint.db*")
        assert not any(zapier.key.encode() in file.read_bytes() for file in files)


def test_the_key_and_the_user_belong_together(zapier: Zapier, bob: Caller) -> None:
    other = zapier_of(bob)
    for path in (other.path, "/webhooks/zapier/user_0", "/webhooks/zapier/7", "/webhooks/zapier/user_%C3%A9"):
        stranger = Zapier(zapier.server, zapier.key, path)
        assert stranger("GET")[0] == 401
        assert stranger("POST", "", {"hookUrl": "https://example.com/", "event": "call.received"})[0] == 401
        assert stranger("GET", "/samples/call.received")[0] == 401


def test_what_is_no_key_is_refused(zapier: Zapier) -> None:
    for key in ("", "czp_", "czp_" + "a" * 40, zapier.key + "a", zapier.key.lower(), "a" * 5000):
        assert Zapier(zapier.server, key, zapier.path)("GET")[0] == 401
    status, _ = zapier.server.request("GET", zapier.path)
    assert status == 401


def test_me_says_whose_key_it_is(alice: Caller, zapier: Zapier) -> None:
    person = alice("GET", "/api/me")[1]
    status, reply = zapier("GET")
    assert (status, reply["success"]) == (200, True)
    assert reply["data"]["id"] == zapier.path.rpartition("/")[2] == f"user_{person['id']}"
    assert (reply["data"]["email"], reply["data"]["mode"]) == (person["email"], "live")


def test_the_sandbox_has_keys_of_its_own(alice: Caller, sandbox: Caller, zapier: Zapier) -> None:
    twin = zapier_of(sandbox)
    assert (twin.key != zapier.key, twin.path != zapier.path) == (True, True)
    assert twin("GET")[1]["data"]["mode"] == "sandbox"
    booked = twin.book()
    assert twin("POST", "/actions/cancel-appointment", {"appointmentId": booked["id"]})[0] == 200
    assert alice("GET", "/api/appointments")[1]["data"] == []
    assert zapier("POST", "/actions/cancel-appointment", {"appointmentId": booked["id"]})[0] == 404
    sandbox("DELETE", REVOKE)
    assert (twin("GET")[0], zapier("GET")[0]) == (401, 200)


def test_keys_are_not_made_without_end(strict: ServerProcess) -> None:
    caller = Caller(strict, strict.register("mia@example.com"))
    for _ in range(3):
        assert caller("POST", GENERATE)[0] == 200
        assert caller("POST", GENERATE)[0] == 200
        caller("DELETE", REVOKE)
    status, reply = caller("POST", GENERATE)
    assert (status, reply["success"], reply["error"]["code"]) == (429, False, "RATE_LIMITED")
