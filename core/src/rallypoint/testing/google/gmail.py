"""The methods of the Gmail API that the fake plays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rallypoint.testing.google.api import ApiCall, Handler
from rallypoint.testing.google.errors import Refusal, invalid
from rallypoint.testing.google.mailbox import Mail, Mailbox, shown

_MOST = 500


class GmailApi:
    """Mailboxes by the address of their users; each user sees the own one alone.

    Args:
        mailbox_of: Returns a user's mailbox.
    """

    def __init__(self, mailbox_of: Callable[[str], Mailbox]) -> None:
        self._mailbox_of = mailbox_of

    def handlers(self) -> Mapping[str, Handler]:
        """Return what is played, by method id."""
        return {
            "gmail.users.getProfile": self._profile,
            "gmail.users.messages.list": self._list,
            "gmail.users.messages.get": self._get,
            "gmail.users.messages.send": self._send,
            "gmail.users.threads.get": self._thread,
            "gmail.users.history.list": self._history,
        }

    def _mailbox(self, call: ApiCall) -> Mailbox:
        if call.path["userId"] not in ("me", call.email):
            raise Refusal(403, "forbidden", f"Delegation denied for {call.email}")
        return self._mailbox_of(call.email)

    def _profile(self, call: ApiCall) -> dict[str, Any]:
        box = self._mailbox(call)
        threads = {mail.thread_id for mail in box.messages.values()}
        counts = {"messagesTotal": len(box.messages), "threadsTotal": len(threads)}
        return {"emailAddress": box.email, "historyId": str(box.last), **counts}

    def _list(self, call: ApiCall) -> dict[str, Any]:
        labels = set(call.repeated.get("labelIds", []))
        newest = sorted(self._mailbox(call).messages.values(), key=lambda mail: -mail.history_id)
        found = [
            mail for mail in newest if labels <= set(mail.labels) and _matches(mail, call.query.get("q", ""))
        ]
        page, token = _page(found, call)
        listed = [{"id": mail.id, "threadId": mail.thread_id} for mail in page]
        return {**({"messages": listed} if listed else {}), "resultSizeEstimate": len(found), **token}

    def _get(self, call: ApiCall) -> dict[str, Any]:
        return shown(self._mailbox(call).get(call.path["id"]), call.query.get("format", "full"))

    def _send(self, call: ApiCall) -> dict[str, Any]:
        mail = self._mailbox(call).send(call.body)
        return {"id": mail.id, "threadId": mail.thread_id, "labelIds": list(mail.labels)}

    def _thread(self, call: ApiCall) -> dict[str, Any]:
        form = call.query.get("format", "full")
        thread_id, every = call.path["id"], self._mailbox(call).messages.values()
        found = [shown(mail, form) for mail in every if mail.thread_id == thread_id]
        if not found:
            raise Refusal(404, "notFound", "Requested entity was not found.")
        return {"id": thread_id, "messages": found, "historyId": found[-1]["historyId"]}

    def _history(self, call: ApiCall) -> dict[str, Any]:
        box = self._mailbox(call)
        start = call.query.get("startHistoryId")
        if start is None:
            raise invalid("Missing required parameter: startHistoryId", "startHistoryId")
        if int(start) <= box.oldest or int(start) > box.last:
            raise Refusal(404, "notFound", "Requested entity was not found.")
        wanted = [
            f"{kind.replace('message', 'messages', 1)}" for kind in call.repeated.get("historyTypes", [])
        ]
        records = [
            _record(box, *entry)
            for entry in box.history
            if entry[0] > int(start) and (not wanted or entry[2] in wanted) and _labelled(box, entry[1], call)
        ]
        page, token = _page(records, call)
        return {**({"history": list(page)} if page else {}), "historyId": str(box.last), **token}


def _labelled(box: Mailbox, message_id: str, call: ApiCall) -> bool:
    label, mail = call.query.get("labelId"), box.messages.get(message_id)
    return label is None or (mail is not None and label in mail.labels)


def _record(box: Mailbox, number: int, message_id: str, kind: str) -> dict[str, Any]:
    mail = box.messages.get(message_id)
    message: dict[str, Any] = {"id": message_id, "threadId": mail.thread_id if mail else message_id}
    labelled = {**message, "labelIds": list(mail.labels)} if mail else message
    return {"id": str(number), "messages": [message], kind: [{"message": labelled}]}


def _page(items: Sequence[Any], call: ApiCall) -> tuple[Sequence[Any], dict[str, str]]:
    most, at = min(call.number("maxResults", 100), _MOST), int(call.query.get("pageToken", 0))
    left = {"nextPageToken": str(at + most)} if at + most < len(items) else {}
    return items[at : at + most], left


def _matches(mail: Mail, query: str) -> bool:
    """Understand ``rfc822msgid:`` and ``after:<epoch seconds>``, and no more of Gmail's search."""
    for term in query.split():
        name, _, value = term.partition(":")
        if name == "rfc822msgid":
            if str(mail.parsed.get("Message-ID", "")).strip().strip("<>") != value.strip("<>"):
                return False
        elif name == "after":
            if mail.at // 1000 <= int(value):
                return False
        else:
            raise Refusal(501, "notImplemented", f"the fake does not search by {name}")
    return True
