"""Kinds of targets that plugins look after, and the headers that those are sent beside the signed body."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from rallypoint.plugins.contributions import TargetInfo, TargetKind

Headers = Mapping[str, str]
MAX_HEADERS = 20
_MAX_VALUE = 4096
_SHORTEST_TRACE = 6
_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_OURS = re.compile(
    r"(content|webhook|x-webhook|proxy|sec)-.*|host|user-agent|connection|transfer-encoding|te"
)
_HIDDEN = b"[hidden]"


class KindMissing(LookupError):
    """No plugin of this process looks after the kind."""


class Kinds:
    """The plugins' kinds of one process."""

    def __init__(self) -> None:
        self._by_name: dict[str, TargetKind] = {}

    def declare(self, kind: TargetKind) -> None:
        """Send the targets of a kind what it says.

        Raises:
            ValueError: The kind's name is taken.
        """
        if kind.kind in self._by_name:
            raise ValueError(f"the kind of targets {kind.kind!r} is declared already")
        self._by_name[kind.kind] = kind

    @staticmethod
    def owned(kind: str) -> bool:
        """Tell whether a kind is some plugin's, loaded here or not: nothing is sent without what it adds."""
        return "." in kind

    async def headers(self, kind: str, targets: Sequence[TargetInfo]) -> dict[str, Headers]:
        """Return what targets are sent, by id; one that may not be sent to any more is left out.

        Raises:
            KindMissing: Its plugin is not loaded here.
            Exception: Whatever went wrong in the plugin, or a header that it may not set.
        """
        known = self._by_name.get(kind)
        if known is None:
            raise KindMissing(f"no plugin here looks after {kind}")
        answer = await known.headers(targets)
        return {target.id: _checked(answer[target.id]) for target in targets if target.id in answer}


def hide(reply: bytes, secrets: Iterable[str]) -> bytes:
    """Return the kept head of a reply without the values that were sent, as some receivers echo headers.

    A value that the head's end cuts off is hidden as far as it goes.
    """
    for secret in filter(None, (text.encode() for text in secrets)):
        reply = reply.replace(secret, _HIDDEN)
        for length in range(min(len(secret) - 1, len(reply)), _SHORTEST_TRACE - 1, -1):
            if reply.endswith(secret[:length]):
                reply = reply[:-length] + _HIDDEN
                break
    return reply


def _checked(headers: Headers) -> Headers:
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"a target may have {MAX_HEADERS} headers, not {len(headers)}")
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or _OURS.fullmatch(name.lower()):
            raise ValueError(f"a kind of targets may not set the header {name!r}")
        if len(value) > _MAX_VALUE or not value.isascii() or not value.isprintable():
            raise ValueError(f"the value of the header {name!r} is too long or not printable ASCII")
    return dict(headers)
