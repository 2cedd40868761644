"""Clients that post until they are answered, whatever happens to the servers, and remember what they were told."""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2

from application.ledger.ports import LedgerAddress
from application.ledger.report_reader import TrialBalance
from application.ledger.spans import AsOf
from application.ledger.verification import verify_ledger
from domain.shared.access import Permission, Principal
from entrypoints.container import Container

ACCOUNTS = [f"assets:till-{number}" for number in range(6)] + [f"income:shop-{number}:sales" for number in range(6)]
PATIENCE_SECONDS = 60
Json = dict[str, Any]


@dataclass(frozen=True)
class LedgerOfTests:
    """A ledger, and a key to it."""

    organisation_id: int
    slug: str
    key: str

    @property
    def principal(self) -> Principal:
        """Who may do everything in it."""
        return Principal(self.organisation_id, "system:tests")

    @property
    def address(self) -> LedgerAddress:
        """What stores know it by."""
        return LedgerAddress(self.organisation_id, self.slug)


@dataclass
class Told:
    """What the clients were told: the transaction that answered each idempotency key, and what went wrong on the way.

    `failures` counts answers other than the one hoped for by their status, 0 for a connection that broke.
    """

    answers: dict[str, Json] = field(default_factory=dict)
    failures: Counter[int] = field(default_factory=Counter)
    longest_seconds: dict[str, float] = field(default_factory=dict)

    def count(self) -> int:
        """How many were answered."""
        return len(self.answers)


class Clients:
    """Some clients in a thread of their own, so that tests can meanwhile do what takes the main thread."""

    def __init__(self, ledger: LedgerOfTests, urls: Sequence[str], count: int, name: str = "client") -> None:
        self._name = name
        self.told = Told()
        self._ledger = ledger
        self._urls = urls
        self._count = count
        self._must_stop = threading.Event()
        self._thread = ThreadPoolExecutor(1)
        self._running: Future[None] | None = None

    def start(self) -> "Clients":
        """Let them begin."""
        self._running = self._thread.submit(lambda: asyncio.run(self._run()))
        return self

    def stop(self) -> Told:
        """Let each come to its end, and return what they were told."""
        self._must_stop.set()
        assert self._running is not None
        self._running.result(PATIENCE_SECONDS + 30)
        self._thread.shutdown()
        return self.told

    def wait_until(self, happens: Callable[[Told], bool], seconds: float = 30) -> None:
        """Wait until something is true of what they were told."""
        deadline = time.monotonic() + seconds
        while not happens(self.told):
            assert self._running is not None
            if self._running.done():
                self._running.result()
            assert time.monotonic() < deadline, (self.told.count(), self.told.failures)
            time.sleep(0.01)

    async def _run(self) -> None:
        async with httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {self._ledger.key}"},
            timeout=20,
            limits=httpx2.Limits(max_connections=None),
        ) as client:
            await asyncio.gather(*(self._post_on(client, number) for number in range(self._count)))

    async def _post_on(self, client: httpx2.AsyncClient, number: int) -> None:
        chance = random.Random(number)
        turn = 0
        url = self._urls[number % len(self._urls)]
        while not self._must_stop.is_set():
            turn += 1
            key = f"{self._name}-{number}-{turn}"
            await self._until_answered(client, url, key, some_transaction(chance, key))

    async def _until_answered(self, client: httpx2.AsyncClient, url: str, key: str, transaction: Json) -> None:
        """Post with the key again and again, until there is an answer."""
        began = time.monotonic()
        while True:
            answer = await self._ask(client, url, key, transaction)
            if answer is not None:
                self.told.answers[key] = answer
                seconds = time.monotonic() - began
                self.told.longest_seconds[url] = max(seconds, self.told.longest_seconds.get(url, 0))
                return
            assert time.monotonic() < began + PATIENCE_SECONDS, f"{key} is still not answered: {self.told.failures}"
            await asyncio.sleep(0.05)

    async def _ask(self, client: httpx2.AsyncClient, url: str, key: str, transaction: Json) -> Json | None:
        path = f"{url}/v1/ledgers/{self._ledger.slug}/transactions"
        try:
            response = await client.post(path, json=transaction, headers={"Idempotency-Key": key})
        except httpx2.TransportError:
            self.told.failures[0] += 1
            return None
        if response.status_code == 201:
            answer: Json = response.json()
            return answer
        # Nothing but "not now" may be said to a good request.
        assert response.status_code == 503, f"{response.status_code}: {response.text}"
        assert response.headers["retry-after"] == "1"
        assert response.json()["code"] in ("unavailable", "overloaded")
        self.told.failures[503] += 1
        return None


def some_transaction(chance: random.Random, reference: str | None = None) -> Json:
    """A transaction of two to four entries over a few accounts."""
    amounts = [chance.randint(1, 10_000) for _ in range(chance.randint(1, 3))]
    *debits, credit = chance.sample(ACCOUNTS, len(amounts) + 1)
    entries = [entry(account, "debit", amount) for account, amount in zip(debits, amounts, strict=True)]
    return {"entries": [*entries, entry(credit, "credit", sum(amounts))], "reference": reference}


def entry(account: str, direction: str, cents: int) -> Json:
    """An entry in euros."""
    return {"account": account, "direction": direction, "amount": f"{cents / 100:.2f}", "asset": "EUR"}


def cents_of(amount: str) -> int:
    """What an amount in euros is in cents."""
    return int(amount.replace(".", ""))


async def check_books(container: Container, ledger: LedgerOfTests, told: Told, *, others: int = 0) -> None:
    """See that the ledger holds exactly what was answered, each once and in order, and that all accounts of it agree.

    `others` may have been posted without an answer. The tally is kept here, independently of the server's.
    """
    services = container.services()
    verification = await verify_ledger(services.ledgers, ledger.principal, ledger.slug)
    assert verification.valid, verification
    posted = await posted_transactions(container, ledger, verification.checked)
    by_id = {transaction["id"]: transaction for transaction in posted}
    references = [transaction["reference"] for transaction in posted]
    assert len(set(references)) == len(references) == len(by_id)
    assert len(posted) - len(told.answers) <= others

    tally: Counter[str] = Counter()
    left: dict[str, list[str]] = {}
    for transaction in posted:
        left[transaction["id"]] = [_after(tally, each) for each in transaction["entries"]]
    for key, answer in told.answers.items():
        stored = by_id[answer["id"]]
        assert stored["sequence"] == answer["sequence"]
        assert stored["reference"] == answer["reference"] in (key, None)
        # What was answered is what the account had after exactly the transactions before it.
        assert [each["balance_after"] for each in answer["entries"]] == left[answer["id"]]

    async with services.ledgers.read(ledger.principal, Permission.REPORTS_READ) as reads:
        report: TrialBalance = await reads.reports.trial_balance(ledger.slug, as_of=AsOf())
    balances = {line.path: line.balance.posted_debits - line.balance.posted_credits for line in report.lines}
    assert balances == dict(tally)
    assert sum(tally.values()) == 0
    rebuilt = await container.maintenance().rebuilding.rebuild(ledger.address)
    assert rebuilt.differences == ()
    assert rebuilt.head.sequence == verification.checked


async def posted_transactions(container: Container, ledger: LedgerOfTests, until: int) -> list[Json]:
    """Every transaction in the log, in order; no sequence of the log is missing."""
    found: list[Json] = []
    sequence = 0
    while sequence < until:
        async with container.services().ledgers.read(ledger.principal, Permission.EVENTS_READ) as reads:
            events = await reads.events.events(ledger.slug, after=sequence, limit=1_000)
        assert events
        for event in events:
            sequence += 1
            document = json.loads(event.content)
            assert event.sequence == sequence == document["sequence"]
            if document["type"] == "transaction.posted":
                found.append({"sequence": sequence, **document["data"]})
    return found


def _after(tally: Counter[str], entry: Json) -> str:
    cents = cents_of(entry["amount"])
    tally[entry["account"]] += cents if entry["direction"] == "debit" else -cents
    normal = tally[entry["account"]] * (1 if entry["account"].startswith("assets") else -1)
    return f"{'-' if normal < 0 else ''}{abs(normal) // 100}.{abs(normal) % 100:02}"


def wait_for(happens: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something is true; what cannot be asked yet is not."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(httpx2.TransportError):
            if happens():
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)
