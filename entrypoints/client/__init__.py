"""A client of the WebSocket at `/v1/realtime`: follow ledgers live, and miss nothing.

    async with Realtime("https://ledger.example", token="ptk_…") as realtime:
        async for event in realtime.events("shop", after=0):
            print(event.sequence, event.type)

It needs nothing of the server, which may be another version or far away.
"""

from entrypoints.client.documents import Balance, Balances, Event, Refused
from entrypoints.client.line import Token
from entrypoints.client.realtime import Realtime
from entrypoints.client.subscriptions import BalanceSubscription, EventSubscription

__all__ = ["Balance", "BalanceSubscription", "Balances", "Event", "EventSubscription", "Realtime", "Refused", "Token"]
