"""What can be changed: each mutation is a route of REST, with the same command, permission and idempotency."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import strawberry
from starlette.responses import Response

from application.ledger.ports import Command
from application.ledger.post_transaction import PostTransaction
from application.ledger.resolve_holds import CaptureHold
from application.ledger.reverse_transactions import ReverseTransaction
from application.shared.idempotency import IdempotencyKey
from entrypoints.http.dependencies import DRY_RUN_DESCRIPTION, KEY_DESCRIPTION, Caller, keyed
from entrypoints.http.graphql.asking import Info
from entrypoints.http.graphql.documents import mutation_of, sent, taken, within
from entrypoints.http.graphql.objects import Account, Hold, Transaction
from entrypoints.http.graphql.scalars import Long
from entrypoints.http.v1 import account_states, accounts, holds, transactions
from entrypoints.http.v1.account_states import FreezingIn
from entrypoints.http.v1.accounts import AccountChange, AccountIn
from entrypoints.http.v1.reasons import DESCRIPTION, ReasonIn
from entrypoints.http.v1.transaction_documents import posted_document
from entrypoints.http.v1.transactions import TransactionChange
from entrypoints.schemas.forms import FormType, read_form
from entrypoints.schemas.holds import CaptureIn, HoldIn, ReleaseIn, capture_draft
from entrypoints.schemas.reversals import ReversalIn, reversal_draft
from entrypoints.schemas.transactions import TransactionIn, transaction_draft

Resolver = TypeVar("Resolver", bound=Callable[..., Any])

Key = Annotated[str | None, strawberry.argument(name="idempotencyKey", description=KEY_DESCRIPTION)]
DryRun = Annotated[bool, strawberry.argument(description=DRY_RUN_DESCRIPTION)]
ExpectedVersion = Annotated[
    Long, strawberry.argument(description="The `version` that you last saw: refuse if it is another one by now.")
]
Reason = Annotated[str, strawberry.argument(description=DESCRIPTION)]


def _outcome(name: str, of: Any) -> Any:
    """Return the type of what comes of a mutation: the thing, and what headers tell in REST."""
    fields = {name: of, "sequence": Long | None, "is_replayed": bool}
    described = (
        "What came of it. `sequence` is the ledger's after it, and null where it changed nothing; `isReplayed` says "
        "that the idempotency key had done it before."
    )
    made = type(f"{of.__name__}Outcome", (), {"__annotations__": fields})
    return strawberry.type(made, description=described)


AccountOutcome: Final = _outcome("account", Account)
HoldOutcome: Final = _outcome("hold", Hold)
TransactionOutcome: Final = _outcome("transaction", Transaction)


def _filled(form: type[Any]) -> Callable[[Resolver], Resolver]:
    """Have a mutation's argument `input` be the input that fills in this form."""

    def mark(resolver: Resolver) -> Resolver:
        resolver.__annotations__["input"] = taken(form)
        return resolver

    return mark


@dataclass(frozen=True, slots=True)
class _Write:
    """A write as REST is asked for it, at its path there: so that a key means the same in both."""

    who: Caller
    ledger: str
    path: str
    input: Any
    key: str | None
    response: Response

    @property
    def document(self) -> Any:
        """The body that REST would be sent."""
        return sent(self.input)

    def form(self, form: type[FormType]) -> FormType:
        """Return the form, filled in. Raises `AmountNotAString`, `ValidationFailed`."""
        return read_form(form, self.document)

    @property
    def idempotency_key(self) -> IdempotencyKey | None:
        """The key, if one was given. Raises `ValidationFailed`."""
        whole_path = f"/v1/ledgers/{self.ledger}/{self.path}"
        return None if self.key is None else keyed(self.key, whole_path, self.document)

    async def posted(self, command: Command, *, dry_run: bool) -> Mapping[str, Any]:
        """Do what posts a transaction, and return that."""
        outcome = await self.who.do(self.ledger, command, self.response, dry_run=dry_run, key=self.idempotency_key)
        return self.told("transaction", posted_document(outcome.applied[-1]))

    def told(self, name: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what came of it."""
        sequence = self.response.headers.get("Partita-Sequence")
        return {
            name: within(self.ledger, document),
            "sequence": None if sequence is None else int(sequence),
            "is_replayed": "Idempotency-Replayed" in self.response.headers,
        }


def _write(info: Info, ledger: str, path: str, input: Any, key: str | None) -> _Write:
    info.context.forget()
    return _Write(info.context.who, ledger, path, input, key, Response())


@strawberry.type(
    description="What can be changed. Several mutations are done in order; each is kept, or not, by itself."
)
class Mutation:
    """What can be changed."""

    @mutation_of(TransactionOutcome | None)
    @_filled(TransactionIn)
    async def post_transaction(
        self, info: Info, ledger: str, input: Any, key: Key = None, dry_run: DryRun = False
    ) -> Any:
        """Post a transaction: all of its entries, or none. It is durable when the answer comes."""
        write = _write(info, ledger, "transactions", input, key)
        command = PostTransaction(transaction_draft(write.document, write.who.services.ids.new("txn")))
        return await write.posted(command, dry_run=dry_run)

    @mutation_of(TransactionOutcome | None)
    @_filled(ReversalIn)
    async def reverse_transaction(
        self, info: Info, ledger: str, id: str, input: Any, key: Key = None, dry_run: DryRun = False
    ) -> Any:
        """Post a transaction that undoes another, or a part of it."""
        write = _write(info, ledger, f"transactions/{id}/reverse", input, key)
        reversal = write.form(ReversalIn)
        draft = reversal_draft(reversal, id, write.who.services.ids.new("txn"))
        return await write.posted(ReverseTransaction(draft, reversal.force), dry_run=dry_run)

    @mutation_of(TransactionOutcome | None)
    @_filled(TransactionChange)
    async def change_transaction(
        self, info: Info, ledger: str, id: str, input: Any, expected_version: ExpectedVersion, dry_run: DryRun = False
    ) -> Any:
        """Lay metadata over the transaction's own. Its entries never change; to undo them, post others."""
        write = _write(info, ledger, f"transactions/{id}", input, None)
        form, who = write.form(TransactionChange), write.who
        changed = transactions.change_transaction(ledger, id, form, expected_version, who, write.response, dry_run)
        return write.told("transaction", await changed)

    @mutation_of(HoldOutcome | None)
    @_filled(HoldIn)
    async def place_hold(self, info: Info, ledger: str, input: Any, key: Key = None, dry_run: DryRun = False) -> Any:
        """Reserve a transaction without posting it: what its accounts can spare is not available to others
        meanwhile.
        """
        write = _write(info, ledger, "holds", input, key)
        placed = holds.place_hold(ledger, write.form(HoldIn), write.idempotency_key, write.who, write.response, dry_run)
        return write.told("hold", await placed)

    @mutation_of(TransactionOutcome | None)
    @_filled(CaptureIn)
    async def capture_hold(
        self, info: Info, ledger: str, id: str, input: Any, key: Key = None, dry_run: DryRun = False
    ) -> Any:
        """Post what the hold has reserved, or a part of it. What is left stays held."""
        write = _write(info, ledger, f"holds/{id}/capture", input, key)
        draft = capture_draft(write.form(CaptureIn), id, write.who.services.ids.new("txn"))
        return await write.posted(CaptureHold(draft), dry_run=dry_run)

    @mutation_of(HoldOutcome | None)
    @_filled(ReleaseIn)
    async def release_hold(
        self, info: Info, ledger: str, id: str, input: Any, key: Key = None, dry_run: DryRun = False
    ) -> Any:
        """Let go of all that is left of the hold."""
        write = _write(info, ledger, f"holds/{id}/release", input, key)
        released = holds.release_hold(
            ledger, id, write.form(ReleaseIn), write.idempotency_key, write.who, write.response, dry_run
        )
        return write.told("hold", await released)

    @mutation_of(AccountOutcome | None)
    @_filled(AccountIn)
    async def open_account(self, info: Info, ledger: str, input: Any, key: Key = None, dry_run: DryRun = False) -> Any:
        """Open an account before its first entry. Where the chart gives its type, the first entry does."""
        write = _write(info, ledger, "accounts", input, key)
        opened = accounts.post_account(
            ledger, write.form(AccountIn), write.idempotency_key, write.who, write.response, dry_run
        )
        return write.told("account", await opened)

    @mutation_of(AccountOutcome | None)
    @_filled(AccountChange)
    async def change_account(
        self, info: Info, ledger: str, path: str, input: Any, expected_version: ExpectedVersion, dry_run: DryRun = False
    ) -> Any:
        """Replace the account's own limits, lay metadata over its own, or both."""
        write = _write(info, ledger, f"accounts/{path}", input, None)
        form, who = write.form(AccountChange), write.who
        changed = accounts.change_account(ledger, path, form, expected_version, who, write.response, dry_run)
        return write.told("account", await changed)

    @mutation_of(AccountOutcome | None)
    @_filled(FreezingIn)
    async def freeze_account(
        self, info: Info, ledger: str, path: str, input: Any, key: Key = None, dry_run: DryRun = False
    ) -> Any:
        """Let the account take no more debits, credits or either, neither posted nor held."""
        write = _write(info, ledger, f"accounts/{path}/freeze", input, key)
        frozen = account_states.freeze_account(
            ledger, path, write.form(FreezingIn), write.idempotency_key, write.who, write.response, dry_run
        )
        return write.told("account", await frozen)

    @mutation_of(AccountOutcome | None)
    @_filled(FreezingIn)
    async def unfreeze_account(
        self, info: Info, ledger: str, path: str, input: Any, key: Key = None, dry_run: DryRun = False
    ) -> Any:
        """Let the account take entries in these directions again."""
        write = _write(info, ledger, f"accounts/{path}/unfreeze", input, key)
        unfrozen = account_states.unfreeze_account(
            ledger, path, write.form(FreezingIn), write.idempotency_key, write.who, write.response, dry_run
        )
        return write.told("account", await unfrozen)

    @mutation_of(AccountOutcome | None)
    async def archive_account(
        self,
        info: Info,
        ledger: str,
        path: str,
        reason: Reason,
        expected_version: ExpectedVersion,
        dry_run: DryRun = False,
    ) -> Any:
        """Put away an account on which nothing is posted or held; its history stays."""
        write = _write(info, ledger, f"accounts/{path}", None, None)
        archived = account_states.archive_account(
            ledger, path, expected_version, reason, write.who, write.response, dry_run
        )
        return write.told("account", await archived)

    @mutation_of(AccountOutcome | None)
    @_filled(ReasonIn)
    async def restore_account(
        self, info: Info, ledger: str, path: str, input: Any, key: Key = None, dry_run: DryRun = False
    ) -> Any:
        """Bring an archived account back. One that is open stays so."""
        write = _write(info, ledger, f"accounts/{path}/restore", input, key)
        restored = account_states.restore_account(
            ledger, path, write.form(ReasonIn), write.idempotency_key, write.who, write.response, dry_run
        )
        return write.told("account", await restored)
