"""JSON bytes that JavaScript reads and writes back unchanged: a fixed point of ``JSON.stringify(JSON.parse(x))``.

Receivers that follow the documented Node example verify a signature over what they re-serialised, not over the
bytes that came in (ECMA-262 §25.5 JSON, §6.1.6.1.20 Number::toString, §10.1.11 key order).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Any

import orjson

MAX_DEPTH = 200
MAX_SAFE_INTEGER = 2**53 - 1
_LAST_ARRAY_INDEX = 2**32 - 2
_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


def canonical_json(value: Any) -> bytes:
    """Return ``value`` as canonical JSON in UTF-8.

    Args:
        value: Dictionaries with string keys, lists, tuples, strings, numbers, booleans and None. Integers beyond
            2^53 become the nearest double, as they do in JavaScript.

    Raises:
        TypeError: Something else is in it.
        ValueError: A number is not finite, or it is nested deeper than ``MAX_DEPTH``.
    """
    if _is_plain(value):
        try:
            return orjson.dumps(value)
        except orjson.JSONEncodeError:
            pass  # a lone surrogate, or nested too deeply: found out below
    return _write(value, 0).encode()


def _is_plain(value: Any) -> bool:
    """Tell whether orjson writes ``value`` as JavaScript would: no floats, big integers or index-like keys."""
    waiting = [value]
    for item in waiting:
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is int:
            if not -MAX_SAFE_INTEGER <= item <= MAX_SAFE_INTEGER:
                return False
        elif kind is dict:
            for key in item:
                if type(key) is not str or "0" <= key[:1] <= "9":
                    return False
            waiting.extend(item.values())
        elif kind is list or kind is tuple:
            waiting.extend(item)
        else:
            return False
    return True


def _write(value: Any, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _write_string(_well_formed(value))
    if isinstance(value, int | float):
        return _write_number(value)
    if isinstance(value, Mapping):
        return _write_object(value, depth)
    if isinstance(value, list | tuple):
        return "[" + ",".join([_write(item, depth + 1) for item in value]) + "]"
    raise TypeError(f"{type(value).__name__} is not JSON")


def _write_object(value: Mapping[Any, Any], depth: int) -> str:
    members: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise TypeError(f"a key must be a string, not {type(key).__name__}")
        members[_well_formed(key)] = item
    ordered = sorted((key for key in members if _is_array_index(key)), key=int)
    ordered += [key for key in members if not _is_array_index(key)]
    pairs = [f"{_write_string(key)}:{_write(members[key], depth + 1)}" for key in ordered]
    return "{" + ",".join(pairs) + "}"


def _is_array_index(key: str) -> bool:
    return _ARRAY_INDEX.fullmatch(key) is not None and int(key) <= _LAST_ARRAY_INDEX


def _well_formed(text: str) -> str:
    """Join surrogates that stand in pairs, as JavaScript's strings do by nature; lone ones stay."""
    if _SURROGATE.search(text) is None:
        return str(text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _write_string(text: str) -> str:
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", encode_basestring(text))


def _write_number(value: float) -> str:
    if isinstance(value, int) and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return int.__repr__(value)
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("a number is too large for JSON") from None
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return _write_float(number)


def _write_float(number: float) -> str:
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    digits, point = _shortest(abs(number))
    if 0 < point <= 21:
        if len(digits) <= point:
            return sign + digits.ljust(point, "0")
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"


def _shortest(number: float) -> tuple[str, int]:
    """Return the shortest digits that read back as ``number``, and where the point stands in them."""
    mantissa, _, exponent = float.__repr__(number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    return digits.rstrip("0"), point
