"""What can be followed: events of a ledger, and balances of accounts, on the relay that all followers share."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any, Final

import orjson
import strawberry

from application.ledger.balance_watch import read_balances, watched_balances
from application.ledger.ports import LedgerAddress
from application.ledger.relay import CERTAIN_SECONDS, CHECK_SECONDS
from application.shared.ports import StoreUnavailable
from domain.shared.access import Permission
from domain.shared.errors import ValidationFailed
from entrypoints.http.graphql.asking import Info
from entrypoints.http.graphql.documents import subscription_of
from entrypoints.http.graphql.ledgers import Event, EventTypes, OfAccounts, event_filter
from entrypoints.http.graphql.objects import Balance
from entrypoints.http.graphql.scalars import Long
from entrypoints.http.v1.account_documents import balance_document
from entrypoints.schemas.forms import SEQUENCE_MAX
from entrypoints.schemas.realtime import WATCHED_ACCOUNTS_MAX

_RETRY_SECONDS: Final = 1.0

AfterSequence = Annotated[
    Long | None,
    strawberry.argument(description="The sequence of the last event that you have; from the next one on, if left out."),
]


@strawberry.type(
    description="Events in order. There are no others of the kind that was asked for up to the sequence `through`: go "
    "on after it. Without events it is a sign of life."
)
class Delivery:
    """Events in order."""

    events: list[Event]
    through: Long


@strawberry.type(description="What an account holds.")
class AccountBalances:
    """What an account holds."""

    account_path: str
    balances: list[Balance]


@strawberry.type(description="Accounts whose balances are new, as they were after the event of that sequence.")
class BalanceChange:
    """Accounts whose balances are new."""

    accounts: list[AccountBalances]
    sequence: Long


@strawberry.type(description="What can be followed, by graphql-transport-ws over a WebSocket to this path.")
class Subscription:
    """What can be followed."""

    @subscription_of(Delivery)
    async def events(
        self,
        info: Info,
        ledger: str,
        after: AfterSequence = None,
        types: EventTypes = None,
        accounts: OfAccounts = None,
    ) -> AsyncGenerator[Any, None]:
        """Events after a sequence: first those that there are, then those that happen; none is left out.

        Raises what `Relay.follow` does.
        """
        asking = info.context
        assert asking.lasting is not None
        if after is not None and not 0 <= after <= SEQUENCE_MAX:
            raise ValidationFailed(f"after is from 0 to {SEQUENCE_MAX}, not {after}.")
        wanted = event_filter(types, accounts)
        following = asking.who.services.relay.follow(asking.lasting.now, ledger, after=after, wanted=wanted)
        async with aclosing(following):
            async for delivery in following:
                yield {"events": [orjson.loads(event.line) for event in delivery.events], "through": delivery.through}

    @subscription_of(BalanceChange)
    async def balances(self, info: Info, ledger: str, accounts: list[str]) -> AsyncGenerator[Any, None]:
        """Balances of accounts: all of them at first, and then those that have changed.

        Raises `PermissionDenied`, `LedgerNotFound`, `ValidationFailed`, `NotAuthenticated`.
        """
        services, lasting = info.context.who.services, info.context.lasting
        assert lasting is not None
        if not 1 <= len(accounts) <= WATCHED_ACCOUNTS_MAX:
            raise ValidationFailed(f"accounts are from 1 to {WATCHED_ACCOUNTS_MAX}, not {len(accounts):,}.")
        principal, paths, called = await lasting.now(CERTAIN_SECONDS), frozenset(accounts), asyncio.Event()
        first = await read_balances(services.ledgers, principal, ledger, paths)
        address = LedgerAddress(principal.organisation_id, ledger)
        with watched_balances(services.relay, services.ledgers, address, paths, first, called.set) as watch:
            while not services.relay.is_ending:
                called.clear()
                try:
                    principal = await lasting.now(CERTAIN_SECONDS)
                    principal.reach(Permission.ACCOUNTS_READ, ledger).require(paths)
                    changed = await watch.take(principal)
                except StoreUnavailable:
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                if changed is not None:
                    yield {
                        "accounts": [
                            {
                                "account_path": each.account.path,
                                "balances": [balance_document(each.account, of_asset) for of_asset in each.balances],
                            }
                            for each in changed.accounts
                        ],
                        "sequence": changed.sequence,
                    }
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_SECONDS):
                        await called.wait()
