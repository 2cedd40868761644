"""Reports in the format that the client accepts: JSON, CSV, or a page to print."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from application.interchange.csv_lines import CSV_MEDIA_TYPE, csv_lines
from application.shared.turns import in_turns
from entrypoints.http.answer_headers import page_policy
from entrypoints.http.problems import NotAcceptable
from entrypoints.http.v1.printed_page import STYLE, Page, page_parts
from entrypoints.schemas.turns import json_bytes

_RANGES_MAX: Final = 50

# The page needs its own style and nothing else, whatever the books hold.
_POLICY: Final = page_policy(f"<style>{STYLE}</style>")


class Format(Enum):
    """How a report can be had, by media type; who does not care gets the first."""

    JSON = "application/json"
    CSV = "text/csv"
    HTML = "text/html"


DESCRIBED_FORMATS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The report, by the header `Accept`: JSON, CSV of RFC 4180, or a page to print.",
        "content": {each.value: {"schema": {"type": "string"}} for each in (Format.CSV, Format.HTML)},
    }
}


def accepted_format(request: Request) -> Format:
    """Return the format that the request accepts best, as RFC 9110 has it. Raises `NotAcceptable`."""
    return Format(accepted_type(request, [each.value for each in Format]))


def accepted_type(request: Request, offered: Sequence[str]) -> str:
    """Return the media type of those offered that the request accepts best; the first, where it does not care.

    Raises `NotAcceptable`.
    """
    ranges = _ranges(",".join(request.headers.getlist("accept")))
    if not ranges:
        return offered[0]
    qualities = {each: _quality(each, ranges) for each in offered}
    best = max(offered, key=lambda each: qualities[each])
    if qualities[best] <= 0:
        raise NotAcceptable(f"This can be had as {', '.join(offered)}; the header Accept allows none of these.")
    return best


def _ranges(accept: str) -> Mapping[str, float]:
    """Return the quality of each media range; what is malformed is passed over."""
    ranges: dict[str, float] = {}
    for part in accept.split(",")[:_RANGES_MAX]:
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                quality = _number(value.strip())
        if "/" in name:
            ranges[name] = max(quality, ranges.get(name, 0.0))
    return ranges


def _number(text: str) -> float:
    whole, _, decimals = text.partition(".")
    is_number = whole in ("0", "1") and (not decimals or (decimals.isascii() and decimals.isdecimal()))
    return min(1.0, float(text)) if is_number else 0.0


def _quality(media_type: str, ranges: Mapping[str, float]) -> float:
    """Return the quality by the range that says most about the type."""
    for name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if name in ranges:
            return ranges[name]
    return 0.0


@dataclass(frozen=True, slots=True)
class Shown:
    """A report as it is shown in each format. What is long in it is gone through once, and only for that format.

    `document` may hold iterators, which are lists.
    """

    document: Mapping[str, Any]
    rows: Iterable[Sequence[str]]
    page: Page


async def written(chosen: Format, shown: Shown) -> bytes:
    """Return a report in the chosen format; others are served while it is written."""
    match chosen:
        case Format.JSON:
            return await json_bytes(shown.document)
        case Format.CSV:
            return "".join([line async for line in in_turns(csv_lines(shown.rows))]).encode()
        case Format.HTML:
            return "".join([part async for part in in_turns(page_parts(shown.page))]).encode()


def answer_of(chosen: Format, body: bytes) -> Response:
    """Return the answer that has this body in the chosen format."""
    headers = {"Vary": "Accept"}
    match chosen:
        case Format.JSON:
            return Response(body, media_type=Format.JSON.value, headers=headers)
        case Format.CSV:
            return Response(body, media_type=CSV_MEDIA_TYPE, headers=headers)
        case Format.HTML:
            headers["Content-Security-Policy"] = _POLICY
            return Response(body, media_type="text/html; charset=utf-8", headers=headers)
