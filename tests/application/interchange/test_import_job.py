"""The order of an import, however much waits in this process."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapters.memory import CountedIds, ManualClock, MemoryBooks
from application.interchange.found import FoundAccount, FoundAsset, FoundEntry, FoundTransaction
from application.interchange.found_lines import account_line, asset_line, transaction_line
from application.interchange.import_job import ImportJob
from application.jobs.desk import Desk
from application.jobs.ports import JobPart
from application.ledger import group
from application.ledger.journal import Journal
from domain.jobs.job import Job, JobAuthor, JobKind, JobRef, Progress
from domain.ledger.account import AccountType
from domain.ledger.events import LedgerCreated
from domain.shared.access import Permission, Principal
from domain.shared.errors import DomainError, Overloaded
from tests.application.interchange.test_import_transactions import MAIN, draft_of, parse
from tests.builders import AUTHOR, NOW, principal

DAY = datetime(2026, 1, 1, tzinfo=UTC)
ENTRIES = (FoundEntry("users:1", Decimal(2), "POINTS"), FoundEntry("equity:points", Decimal(-2), "POINTS"))


class Paper:
    """A job of one part, and its result."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.told: list[dict[str, object]] = []

    async def input(self, ref: JobRef, number: int) -> JobPart | None:
        return JobPart(0, 0, self.content) if number == 0 else None

    async def result(self, ref: JobRef, number: int) -> bytes | None:
        return None

    async def advance(self, job: Job, number: int, content: bytes, done: int) -> Job:
        self.told = [json.loads(line) for line in content.splitlines()]
        return job

    async def principal(self, organisation_id: int, actor: str, *_: object, **__: object) -> Principal:
        return principal()


def code_of(refusal: DomainError) -> dict[str, str]:
    return {"code": refusal.code}


async def test_no_transaction_is_posted_before_what_it_relies_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, ids = ManualClock(), CountedIds()
    books = MemoryBooks(clock, ids)
    books.create(MAIN, LedgerCreated("Main", "UTC"), AUTHOR)
    accounts = [account_line(FoundAccount("line 2", f"users:{n}", AccountType.LIABILITY)) for n in range(180)]
    transactions = [transaction_line(FoundTransaction("line 3", f"r-{n}", DAY, "", ENTRIES)) for n in range(50)]
    paper = Paper(b"".join([asset_line(FoundAsset("line 1", "POINTS", 0)), *accounts, *transactions]))
    author = JobAuthor("key_x", "key_x", frozenset(Permission))
    of_file = {"format": "hledger"}
    job = Job(1, "job_1", JobKind.IMPORT, "main", of_file, author, "req_x", Progress(0, 231, "lines"), NOW)
    work = ImportJob(books, Journal(books, clock, ids), ids, parse, draft_of, code_of)
    with monkeypatch.context() as patched:
        # The third command has no room; once a group was written, there would be room again.
        patched.setattr(group, "WAITING_MAX", 2)
        with pytest.raises(Overloaded):
            await work.run(Desk(job, paper, paper))
    log = [json.loads(content)["type"] for content, _ in books.log(MAIN)]
    assert log == ["ledger.created", "asset.registered", "account.opened"]
    assert paper.told == []

    await work.run(Desk(job, paper, paper))
    assert [next(iter(each.keys() & {"asset", "account", "transaction", "problem"})) for each in paper.told] == [
        "asset",
        *["account"] * 180,
        *["transaction"] * 50,
    ]
