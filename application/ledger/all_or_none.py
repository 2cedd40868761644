"""Doing several things as one command: each on the books that the ones before it leave, or none of them."""

from collections.abc import Callable, Sequence

from domain.ledger.book import Book
from domain.ledger.events import Event
from domain.shared.errors import Blame, DomainError, NamedNotFound, NotFound

Step = Callable[[Book], Sequence[Event]]


def all_or_none(book: Book, steps: Sequence[Step], *, of: str, named_by: str = "") -> list[Event]:
    """Return the events of all steps in order, each decided on the books that the ones before it leave.

    Refuses as the first refused step does; the refusal's blames point at all that are refused, below `/{of}`. What a
    step is about is named by its field `named_by`: where that is not there, it refuses with `NamedNotFound`.
    """
    trial = book.trial()
    events: list[Event] = []
    refusals: list[tuple[int, DomainError]] = []
    for index, step in enumerate(steps):
        try:
            of_step = step(trial)
        except NotFound as refusal:
            refusals.append((index, NamedNotFound(refusal.detail, pointer=f"/{named_by}")))
            continue
        except DomainError as refusal:
            refusals.append((index, refusal))
            continue
        for event in of_step:
            trial.apply(event)
        events += of_step
    if refusals:
        raise _of_all(refusals, of)
    return events


def _of_all(refusals: Sequence[tuple[int, DomainError]], of: str) -> DomainError:
    first_index, first = refusals[0]
    refusal = type(first)(
        f"Nothing was done: {len(refusals)} of the {of} cannot be. Of the one at index {first_index}: {first.detail}",
        facts=first.facts,
    )
    refusal.blames = tuple(
        Blame(f"/{of}/{index}{blame.pointer}", blame.detail)
        for index, each in refusals
        for blame in (each.blames or (Blame("", each.detail),))
    )
    return refusal
