"""Transactions go to a running Partita server, over its bulk route."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx2

from application.interchange.import_transactions import Refusal, TransactionLine

# The server answers while it reads, so that between two parts of an answer no more than a group or two is committed.
_TIMEOUT: Final = httpx2.Timeout(10, read=60)
_STOPPING: Final = frozenset({401, 403, 429, 503})
_POSTED: Final = re.compile(rb'\{"index":[0-9]+,"status":201,')
_NO_LEDGER: Final = "ledger-not-found"


class UnusableServer(Exception):
    """A server's URL or API key is of a form that no request can be sent with; the text says which."""


class BulkDestination:
    """Posts over HTTP, a request for each batch. `url` is the server's root; use it as a context manager."""

    batch_max = 5_000
    # Two requests at a time could overtake each other. The next batch is read meanwhile.
    in_flight_max = 1

    def __init__(self, url: str, slug: str, api_key: str) -> None:
        """Raise `UnusableServer` for a URL or a key that cannot be one."""
        _check(url, api_key)
        self._url = url
        self._path = f"/v1/ledgers/{quote(slug, safe='')}/transactions/bulk"
        self._client = httpx2.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {api_key}", "Content-Type": "application/x-ndjson"},
            timeout=_TIMEOUT,
        )

    async def post(self, lines: Sequence[TransactionLine]) -> Sequence[Refusal | None]:
        answers: list[Refusal | None] = []
        if not lines:
            return answers
        body = b"\n".join([line.json for line in lines])
        try:
            async with self._client.stream("POST", self._path, content=body) as response:
                if response.status_code != 200:
                    return [_stopping(response.status_code, await response.aread())]
                await _read_answers(response, answers)
        except httpx2.HTTPError as error:
            said = str(error) or type(error).__name__
            return [*answers, Refusal("unavailable", f"The server at {self._url} cannot be reached: {said}.", True)]
        except (ValueError, KeyError, TypeError, AttributeError):
            return [*answers, Refusal("unavailable", f"What answers at {self._url} is not a Partita server.", True)]
        if len(answers) < len(lines):
            answers.append(Refusal("unavailable", f"The server at {self._url} broke off its answer.", True))
        return answers

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()


def _check(url: str, api_key: str) -> None:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        httpx2.URL(url)
    except (ValueError, httpx2.InvalidURL):  # such as a port beyond 65535
        is_usable = False
    if not is_usable:
        raise UnusableServer(f"{url!a} is not the URL of a server, such as http://127.0.0.1:8000.")
    if not (api_key.isascii() and api_key.isprintable() and api_key.strip()):
        raise UnusableServer("The API key is none: keys consist of letters, digits and underscores, as in ptk_1_….")


async def _read_answers(response: httpx2.Response, answers: list[Refusal | None]) -> None:
    """Add each answer as soon as its line is there: the next one may never come."""
    rest = b""
    async for chunk in response.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        # Most lines say that all is well, and need not be read any further.
        answers += [None if _POSTED.match(line) else _answer(json.loads(line)) for line in lines]


def _answer(result: Any) -> Refusal | None:
    if result["status"] == 201:
        return None
    problem = result["problem"]
    stops = result["status"] in _STOPPING or problem["code"] == _NO_LEDGER
    return Refusal(problem["code"], problem["detail"], stops, problem.get("taken_by"))


def _stopping(status: int, body: bytes) -> Refusal:
    problem = json.loads(body)
    return Refusal(problem["code"], f"The server refuses ({status} {problem['code']}): {problem['detail']}", True)
