import asyncio
import json
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import pytest

from adapters.memory import CountedIds, ManualClock, MemoryBooks
from application.interchange.import_transactions import ImportSummary, Refusal, TransactionLine, import_transactions
from application.interchange.journal_destination import JournalDestination
from application.interchange.transaction_lines import LINE_BYTES_MAX
from application.ledger.journal import Journal
from application.ledger.place_hold import PlaceHold
from application.ledger.ports import LedgerAddress
from domain.ledger.events import LedgerCreated, TransactionPosted
from domain.ledger.events.parsing import parse_event
from domain.ledger.hold import HoldDraft
from domain.ledger.transaction import TransactionDraft
from domain.shared.access import Permission
from domain.shared.errors import ValidationFailed
from tests.builders import AUTHOR, EUR, credit, debit, draft, principal

MAIN = LedgerAddress(1, "main")


def parse(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValidationFailed(f"The line is not JSON: {error}.") from error


def draft_of(document: Any, id: str) -> TransactionDraft:
    amount = document.get("amount", "1.00")
    return draft(debit("assets:bank", amount), credit("income:sales", amount), id=id, reference=document["reference"])


def file(*documents: object) -> BytesIO:
    return BytesIO(b"".join(json.dumps(document).encode() + b"\n" for document in documents))


class Office:
    """A ledger in memory that transactions are imported into."""

    def __init__(self) -> None:
        clock, ids = ManualClock(), CountedIds()
        self.books = MemoryBooks(clock, ids)
        self.books.create(MAIN, LedgerCreated("Main", "UTC"), AUTHOR)
        self.journal = Journal(self.books, clock, ids)
        self.destination = JournalDestination(self.journal, ids, principal(), "main", draft_of, request_id="req_1")

    async def take(self, lines: BytesIO, *, prefix: str | None = None) -> ImportSummary:
        return await import_transactions(lines, self.destination, parse, reference_prefix=prefix)

    def references(self) -> list[str | None]:
        documents = [json.loads(content) for content, _ in self.books.log(MAIN)]
        events = [parse_event(each["type"], each["data"], {"EUR": EUR}.__getitem__) for each in documents]
        return [event.reference for event in events if isinstance(event, TransactionPosted)]


@pytest.fixture
def office() -> Office:
    return Office()


async def test_all_transactions_of_a_file_are_posted_in_order(office: Office) -> None:
    summary = await office.take(file(*({"reference": f"r{number}"} for number in range(3_000))))
    assert (summary.posted, summary.already_there, summary.refused, summary.stopped) == (3_000, 0, 0, None)
    assert office.references() == [f"r{number}" for number in range(3_000)]


async def test_importing_a_file_again_posts_nothing_twice(office: Office) -> None:
    documents = [{"reference": f"r{number}"} for number in range(700)]
    await office.take(file(*documents[:300]))
    summary = await office.take(file(*documents))
    assert (summary.posted, summary.already_there, summary.refused) == (400, 300, 0)
    summary = await office.take(file(*documents))
    assert (summary.posted, summary.already_there, summary.refused) == (0, 700, 0)
    assert len(office.references()) == 700


async def test_a_reference_that_a_hold_has_is_refused_as_nothing_was_posted_under_it(office: Office) -> None:
    hold = HoldDraft("hold_1", (debit("assets:bank", "1.00"), credit("income:sales", "1.00")), reference="a")
    await office.journal.submit(principal(), "main", PlaceHold(hold), request_id="req_1")
    summary = await office.take(file({"reference": "a"}, {"reference": "b"}, {"reference": "b"}))
    assert (summary.posted, summary.already_there, summary.refused) == (1, 1, 1)
    (line,) = summary.shown
    assert (line.number, line.code) == (1, "duplicate-reference")
    assert "the hold hold_1" in line.detail


async def test_a_line_without_reference_is_refused_with_what_to_do(office: Office) -> None:
    summary = await office.take(file({"reference": "a"}, {}, {"reference": None}))
    assert (summary.posted, summary.refused) == (1, 2)
    assert [line.number for line in summary.shown] == [2, 3]
    assert "has no reference" in summary.shown[0].detail


async def test_lines_without_reference_get_one_from_a_prefix_and_their_number(office: Office) -> None:
    lines = BytesIO(b'{"reference": "a"}\n\n{}\n{"reference": null}\n')
    summary = await office.take(lines, prefix="bank-2026")
    assert summary.posted == 3
    assert office.references() == ["a", "bank-2026-3", "bank-2026-4"]


async def test_refused_lines_are_told_by_number_and_do_not_stop_the_others(office: Office) -> None:
    lines = BytesIO(
        b'{"reference": "a"}\nnot json\n{"reference": "b", "amount": "0"}\n[1]\n{"reference": "c"}\n'
        + b"x" * (LINE_BYTES_MAX + 5)
        + b'\n{"reference": "d"}'
    )
    summary = await office.take(lines)
    assert office.references() == ["a", "c", "d"]
    assert (summary.posted, summary.refused) == (3, 4)
    assert {line.number: line.code for line in summary.shown} == {
        2: "validation-failed",
        3: "validation-failed",
        4: "validation-failed",
        6: "payload-too-large",
    }


async def test_no_more_than_twenty_refused_lines_are_kept(office: Office) -> None:
    summary = await office.take(file(*([{}] * 50)))
    assert (summary.refused, len(summary.shown)) == (50, 20)


async def test_an_import_into_a_ledger_that_is_not_there_ends_at_once() -> None:
    office = Office()
    ids = CountedIds()
    nowhere = JournalDestination(office.journal, ids, principal(), "nope", draft_of, request_id="req_1")
    lines = file(*({"reference": f"r{number}"} for number in range(20_000)))
    summary = await import_transactions(lines, nowhere, parse)
    assert (summary.posted, summary.refused) == (0, 0)
    assert summary.stopped == "There is no ledger 'nope'."
    assert lines.read(1)  # most of the file was not even read


async def test_who_may_not_post_is_told_once() -> None:
    office = Office()
    someone = principal(Permission.ACCOUNTS_READ)
    destination = JournalDestination(office.journal, CountedIds(), someone, "main", draft_of, request_id="req_1")
    summary = await import_transactions(file({"reference": "a"}, {"reference": "b"}), destination, parse)
    assert summary.stopped is not None
    assert "does not have it" in summary.stopped
    assert summary.refused == 0


class Waiting:
    """A destination that notes how much is on its way at a time, and refuses all after some."""

    batch_max = 10
    in_flight_max = 2

    def __init__(self, stops_after: int = 10**9) -> None:
        self.batches: list[list[int]] = []
        self.in_flight = 0
        self.in_flight_seen = 0
        self._stops_after = stops_after

    async def post(self, lines: Sequence[TransactionLine]) -> Sequence[Refusal | None]:
        self.batches.append([line.number for line in lines])
        self.in_flight += 1
        self.in_flight_seen = max(self.in_flight, self.in_flight_seen)
        await asyncio.sleep(0.001)
        self.in_flight -= 1
        answers: list[Refusal | None] = []
        for line in lines:
            if line.number > self._stops_after:
                return [*answers, Refusal("unavailable", "It went away.", stops=True)]
            answers.append(None)
        return answers


async def test_no_more_is_on_its_way_than_the_destination_takes() -> None:
    destination = Waiting()
    summary = await import_transactions(file(*({"reference": str(n)} for n in range(95))), destination, parse)
    assert summary.posted == 95
    assert destination.in_flight_seen == 2
    assert [len(batch) for batch in destination.batches] == [10] * 9 + [5]
    assert [number for batch in destination.batches for number in batch] == list(range(1, 96))


async def test_what_was_posted_before_the_destination_went_away_is_counted() -> None:
    destination = Waiting(stops_after=34)
    summary = await import_transactions(file(*({"reference": str(n)} for n in range(500))), destination, parse)
    assert (summary.posted, summary.stopped) == (34, "It went away.")
    assert len(destination.batches) < 10


async def test_progress_is_told_in_bytes_up_to_the_end_of_the_file() -> None:
    lines = file(*({"reference": str(n)} for n in range(35)))
    told: list[tuple[int, int]] = []
    await import_transactions(
        lines, Waiting(), parse, progress=lambda done, summary: told.append((done, summary.posted))
    )
    assert [posted for _, posted in told] == [10, 20, 30, 35]
    assert told[-1][0] == len(lines.getvalue())
