"""Reading JSON strictly: what two readers could understand differently is refused."""

import json
import math
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from domain.shared.errors import DomainError, ErrorKind

NESTING_MAX: Final = 64


class MalformedJson(DomainError):
    """The body is not JSON as RFC 8259 has it, in UTF-8: or it names the same key twice, or nests too deeply."""

    code = "malformed-json"
    kind = ErrorKind.MALFORMED
    title = "Not JSON"


def parse_line(line: bytes) -> Any:
    """Return what a line of NDJSON says; raise what `parse_json` does, in words that go after the line's number."""
    return _parse(line, is_line=True)


def parse_json(data: bytes | bytearray | memoryview) -> Any:
    """Return what the bytes say.

    Raises `MalformedJson` for invalid UTF-8, syntax errors, NaN and what overflows to Infinity, duplicate keys, lone
    surrogates, NUL and nesting beyond 64 levels; the detail says where.
    """
    return _parse(data, is_line=False)


def _parse(data: bytes | bytearray | memoryview, *, is_line: bool) -> Any:
    what = "It" if is_line else "The body"
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise MalformedJson(f"{what} is not UTF-8: byte {error.start} cannot be decoded.") from error
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"column {error.colno}" if is_line else f"line {error.lineno}, column {error.colno}"
        raise MalformedJson(f"{what} is not JSON: {error.msg} at {where}.") from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:  # an integer of thousands of digits
        raise MalformedJson("A number has too many digits.") from error
    if text.count("{") + text.count("[") > NESTING_MAX:
        _check_nesting(value)
    if "\\u" in text:
        _check_characters(value)
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise MalformedJson(f"The key {key!a} appears twice in one object.")
            seen.add(key)
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise MalformedJson("A number is too large.")
    return number


def _too_deep() -> MalformedJson:
    return MalformedJson(f"It nests too deeply: at most {NESTING_MAX} levels can be read.")


def _check_nesting(value: Any) -> None:
    """Refuse what nests too deeply by a bound of our own: the interpreter's would be met by whoever handles it next."""
    containers = [value]
    for _ in range(NESTING_MAX):
        containers = [item for container in containers for item in _items(container) if isinstance(item, dict | list)]
        if not containers:
            return
    raise _too_deep()


def _items(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _check_characters(value: Any) -> None:
    """Refuse what only an escape can bring in: PostgreSQL stores no NUL, and half a surrogate pair is no character."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_characters(key)
            _check_characters(item)
    elif isinstance(value, list):
        for item in value:
            _check_characters(item)
    elif isinstance(value, str):
        for character in value:
            if character == "\x00" or "\ud800" <= character <= "\udfff":
                what = "NUL" if character == "\x00" else "half of a surrogate pair"
                raise MalformedJson(f"A text contains {what} (\\u{ord(character):04x}).")


_DECODER = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant, parse_float=_finite)
