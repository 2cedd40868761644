"""Judging: the one place where posting policies are asked, whichever way entries come into the books."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from domain.ledger.book import Book
from domain.ledger.events import Event, HoldPlaced, TransactionPosted
from domain.ledger.policy import PolicyFailed, PolicyInForce, Proposal, Way
from domain.ledger.resolving import Resolved, resolve
from domain.ledger.scope import ScopeTooNarrow
from domain.ledger.transaction import EntryDraft, TransactionDraft, check_balanced
from domain.shared.errors import PermissionDenied


def with_additions(book: Book, resolved: Resolved, proposal: Proposal) -> Resolved:
    """Return what the entries come to with those that policies add, and what has to be opened first for all of them.

    Raises `PolicyFailed` where what a policy adds cannot be posted by itself, `PermissionDenied` where it is beyond the
    accounts that whoever posts is limited to, `ValidationFailed` where all is too much.
    """
    for each in book.policies:
        added = each.policy.added(replace(proposal, entries=resolved.entries), book)
        if added:
            resolved = _joined(resolved, _resolved(each, book, resolved.first, added, proposal.id))
            check_balanced(resolved.entries)
    return resolved


def accepted(
    book: Book, way: Way, event: TransactionPosted | HoldPlaced, now: datetime, first: Sequence[Event] = ()
) -> list[Event]:
    """Return the events of what is accepted: those that come `first`, and its own. Raises what policies refuse with."""
    if book.policies:
        effective_at, of = now, None
        if isinstance(event, TransactionPosted):
            effective_at, of = event.effective_at, event.hold or event.reverses
        what, metadata = (event.reference, event.description), event.metadata
        proposal = Proposal(way, event.id, event.entries, effective_at, now, *what, metadata, of)
        for each in book.policies:
            each.policy.check(proposal, book)
    return [*first, event]


def _resolved(of: PolicyInForce, book: Book, first: Sequence[Event], added: Sequence[EntryDraft], id: str) -> Resolved:
    trial = book.trial()
    for event in first:
        trial.apply(event)
    try:
        # First of all, as every other refusal might tell of accounts that are not to be known.
        of.reach.require((), [each.account for each in added])
        for each in added:
            # The balance that it would start from was not looked up, and may be anything.
            if book.seen is not None and (each.account, each.asset) not in book.seen:
                raise ScopeTooNarrow(f"its scope does not name {each.account} in {each.asset}.")
        return resolve(trial, TransactionDraft(id, tuple(added)))
    except PermissionDenied:
        raise
    except Exception as error:  # whatever it is that cannot be posted, those who post are not to blame
        raise PolicyFailed(
            f"The extension {of.name} adds entries that cannot be posted: {error}", facts={"extension": of.name}
        ) from error


def _joined(resolved: Resolved, added: Resolved) -> Resolved:
    first = [*resolved.first, *added.first]
    return Resolved((*resolved.entries, *added.entries), first, {**resolved.types, **added.types})
