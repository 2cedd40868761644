"""Messages of the WebSocket as its description shows them: by the message's name, and what the example shows."""

from collections.abc import Mapping
from typing import Any, Final

from domain.ledger.ledger import LedgerNotFound
from entrypoints.http.problems import problem_document
from entrypoints.http.realtime.leaving import ServerStops

_REQUEST_ID: Final = "req_01k8xv5h0ne4w7z9b1c3d5f7h9"
_EVENT: Final = {
    "sequence": 14,
    "type": "transaction.posted",
    "id": "evt_01k8xv5h0pe8r9m3f4a6b7c8d9",
    "recorded_at": "2026-11-25T10:00:00.000000Z",
    "actor": "key_01k8xv4zq2e5k8p1r3t5v7w9xy",
    "request_id": _REQUEST_ID,
    "data": {
        "id": "txn_01k8xv5h0me2s4u6w8y0a2c4e6",
        "entries": [
            {"account": "users:1:wallet", "direction": "debit", "amount": "4.50", "asset": "EUR"},
            {"account": "income:sales", "direction": "credit", "amount": "4.50", "asset": "EUR"},
        ],
    },
    "previous_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "hash": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
}
_BALANCE: Final = {
    "account": "users:1:wallet",
    "asset": "EUR",
    "posted": "15.50",
    "available": "15.50",
    "posted_debits": "4.50",
    "posted_credits": "20.00",
    "held_debits": "0.00",
    "held_credits": "0.00",
    "balance_version": 2,
}


_NOT_FOUND: Final = problem_document(LedgerNotFound("Your organisation has no ledger 'shop'."), _REQUEST_ID)
_STOPPING: Final = problem_document(
    ServerStops("The server stops. Connect again, and go on where this ended."), _REQUEST_ID
)

EXAMPLES: Final[Mapping[str, Mapping[str, dict[str, Any]]]] = {
    "subscribeToEvents": {
        "All events after a sequence": {
            "type": "subscribe",
            "id": "a",
            "channel": "events",
            "ledger": "shop",
            "after": 12,
        },
        "Transactions of wallets from now on, at most 500 ahead of what is acknowledged": {
            "type": "subscribe",
            "id": "wallets",
            "channel": "events",
            "ledger": "shop",
            "event_types": ["transaction.posted"],
            "account": "users:*:**",
            "acknowledge": 500,
        },
    },
    "subscribeToBalances": {
        "The balance of a wallet": {
            "type": "subscribe",
            "id": "b",
            "channel": "balances",
            "ledger": "shop",
            "accounts": ["users:1:wallet"],
        }
    },
    "unsubscribe": {"No more of a": {"type": "unsubscribe", "id": "a"}},
    "acknowledge": {"All up to 14 are dealt with": {"type": "acknowledge", "id": "a", "sequence": 14}},
    "authenticate": {"A token that was refreshed": {"type": "authenticate", "token": "eyJhbGciOiJFZERTQSJ9.eyJ…"}},
    "ping": {"Is the server there?": {"type": "ping"}},
    "welcome": {"The first message": {"type": "welcome", "protocol": "partita.v1", "heartbeat_seconds": 15}},
    "subscribed": {"Events after 12 follow": {"type": "subscribed", "id": "a", "sequence": 12}},
    "events": {
        "A transaction": {"type": "events", "id": "a", "data": [_EVENT], "through": 14},
        "A sign of life": {"type": "events", "id": "a", "data": [], "through": 17},
    },
    "balances": {"A wallet": {"type": "balances", "id": "b", "sequence": 14, "data": [_BALANCE]}},
    "unsubscribed": {"No more of a": {"type": "unsubscribed", "id": "a"}},
    "authenticated": {"The token is good": {"type": "authenticated"}},
    "pong": {"It is": {"type": "pong"}},
    "problem": {"There is no such ledger": {"type": "problem", "id": "a", "problem": _NOT_FOUND}},
    "closing": {"The server stops": {"type": "closing", "problem": _STOPPING, "resume": {"a": 17}}},
}
