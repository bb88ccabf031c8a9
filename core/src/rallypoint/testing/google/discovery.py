"""Google's own description of an API, found in the wheel of its Python client.

The document is read from the installed package (extra ``google`` of the test kit), without importing it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rallypoint.testing.google.errors import Refusal, invalid
from rallypoint.testing.google.schema import Schema, parameter, problems

_VARIABLE = re.compile(r"\{\+?(\w+)\}")


@dataclass(frozen=True, slots=True)
class Method:
    """A method of an API.

    Args:
        id: Such as ``calendar.events.insert``.
        verb: Of HTTP.
        path: Below the root, variables as ``{name}``.
        parameters: Of path and query, by name.
        request: Schema of the body, None for a method without one.
        response: Schema of the reply, None for an empty one.
        scopes: Any one of which opens it.
    """

    id: str
    verb: str
    path: str
    parameters: Mapping[str, Schema]
    request: Schema | None
    response: Schema | None
    scopes: frozenset[str]


class Document:
    """A discovery document, by which requests and replies are checked.

    Args:
        raw: Parsed JSON.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.schemas: Mapping[str, Schema] = raw["schemas"]
        self._common: Mapping[str, Schema] = raw["parameters"]
        self._base = "/" + raw["servicePath"]
        self._methods = [(_pattern(method.path), method) for method in map(self._method, _declared(raw))]

    def find(self, verb: str, path: str) -> tuple[Method, Mapping[str, str]]:
        """Return the method that serves a request, and the variables of its path.

        Args:
            verb: Of HTTP.
            path: As sent, percent-encoded.

        Raises:
            Refusal: There is none; 404.
        """
        for pattern, method in self._methods:
            found = pattern.fullmatch(path) if method.verb == verb else None
            if found is not None:
                return method, {name: unquote(text) for name, text in found.groupdict().items()}
        raise Refusal(404, "notFound", f"Google serves no {verb} {path}")

    def check_query(self, method: Method, query: Sequence[tuple[str, str]]) -> None:
        """Refuse unknown, repeated or malformed parameters of the query.

        Raises:
            Refusal: The first that is wrong.
        """
        seen: set[str] = set()
        for name, text in query:
            declared = method.parameters.get(name) or self._common.get(name)
            if declared is None or declared["location"] != "query":
                raise invalid(f"{name} is no parameter of {method.id}", name)
            if name in seen and not declared.get("repeated"):
                raise invalid(f"{name} is given twice", name)
            seen.add(name)
            for problem in parameter(text, declared, name):
                raise invalid(problem, name)

    def check_body(self, method: Method, body: Any) -> None:
        """Refuse a body that is not what the method takes.

        Raises:
            Refusal: The first thing that is wrong.
        """
        if method.request is None:
            if body is not None:
                raise invalid(f"{method.id} takes no body")
            return
        for problem in problems({} if body is None else body, method.request, self.schemas):
            raise Refusal(400, "parseError", problem)

    def check_reply(self, method: Method, reply: Any) -> None:
        """Demand that what a fake answers is what Google could answer.

        Raises:
            AssertionError: It is not; the fake is wrong.
        """
        if method.response is None:
            found = [] if reply is None else [f"{method.id} answers nothing"]
        else:
            found = list(problems(reply, method.response, self.schemas))
        if found:
            raise AssertionError(f"the fake answers {method.id} wrongly: {'; '.join(found)}")

    def _method(self, raw: Mapping[str, Any]) -> Method:
        return Method(
            id=raw["id"],
            verb=raw["httpMethod"],
            path=self._base + raw["path"],
            parameters=raw.get("parameters", {}),
            request=raw.get("request"),
            response=raw.get("response"),
            scopes=frozenset(raw.get("scopes", ())),
        )


@cache
def document(name: str) -> Document:
    """Return a document by name and version, such as ``calendar.v3``.

    Raises:
        RuntimeError: Google's client is not installed.
    """
    try:
        installed = distribution("google-api-python-client")
    except PackageNotFoundError:
        raise RuntimeError("the Google fake needs `pip install 'rallypoint[google-fake]'`") from None
    file = installed.locate_file(f"googleapiclient/discovery_cache/documents/{name}.json")
    return Document(json.loads(Path(str(file)).read_text()))


def _declared(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    own = list(raw.get("methods", {}).values())
    inner = [method for resource in raw.get("resources", {}).values() for method in _declared(resource)]
    return own + inner


def _pattern(path: str) -> re.Pattern[str]:
    parts = _VARIABLE.split(path)
    named = (f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
    return re.compile("".join(named))
