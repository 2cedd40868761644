"""Transactions that must be refused, each with how, and what the refusal must name."""

import json
from dataclasses import dataclass
from typing import Any

from tests.entrypoints.http.tenant import Json, sale, with_entry


@dataclass(frozen=True)
class Bad:
    """What is sent, and the problem that it gets: its pointer, if one part is to blame, and a word of its detail."""

    name: str
    sent: Any
    status: int
    code: str
    pointer: str | None = None
    says: str = ""


def bad(
    name: str, sent: Any, code: str = "validation-failed", pointer: str | None = None, says: str = "", *, at: int = 422
) -> Bad:
    """Something bad; most of it is a 422."""
    return Bad(name, sent, at, code, pointer, says)


AMOUNT, ACCOUNT, ASSET = "/entries/0/amount", "/entries/0/account", "/entries/0/asset"


def _amount(name: str, amount: Any, code: str = "validation-failed", says: str = "") -> Bad:
    return bad(f"amount {name}", with_entry(amount=amount), code, AMOUNT, says)


def _account(name: str, path: Any, says: str = "") -> Bad:
    return bad(f"account {name}", with_entry(account=path), pointer=ACCOUNT, says=says)


def _entries(*entries: Json) -> Json:
    return {"entries": list(entries)}


def _without(entry: Json, field: str) -> Json:
    return {name: value for name, value in entry.items() if name != field}


_DEBIT, _CREDIT = sale()["entries"]

_MANY = {f"x{number}": 1 for number in range(150_000)}

UNBALANCED = [
    bad(
        "credits less than debits",
        with_entry(amount="12.51"),
        "unbalanced-transaction",
        "/entries",
        "debits are 12.51 and credits 12.50: they differ by 0.01",
    ),
    bad("two debits", with_entry(direction="credit"), "unbalanced-transaction", "/entries", "25.00"),
    bad(
        "balanced over two assets, not in each",
        with_entry(asset="USD"),
        "unbalanced-transaction",
        "/entries",
        "USD",
    ),
    bad("one entry", _entries(_DEBIT), pointer="/entries", says="from 2 to 5,000 entries, not 1"),
    bad("no entry", _entries(), pointer="/entries", says="not 0"),
    bad("5,001 entries", _entries(*[_DEBIT, _CREDIT] * 2500, _DEBIT), pointer="/entries", says="5,000"),
]
AMOUNTS = [
    _amount("zero", "0.00", says="more than nothing"),
    _amount("zero without decimals", "0"),
    _amount("negative", "-12.50"),
    _amount("with plus", "+12.50"),
    _amount("as an integer", 100, "amount-not-a-string", "100"),
    _amount("as a fraction", 12.5, "amount-not-a-string", "12.5"),
    _amount("zero as a number", 0, "amount-not-a-string"),
    _amount("negative as a number", -1, "amount-not-a-string"),
    _amount("huge as a number", 10**400, "amount-not-a-string"),
    _amount("true", True),
    _amount("null", None),
    _amount("a list", ["12.50"]),
    _amount("an object", {"value": "12.50"}),
    _amount("empty", ""),
    _amount("blank", " "),
    _amount("with an exponent", "1e2"),
    _amount("NaN", "NaN"),
    _amount("Infinity", "Infinity"),
    _amount("with a space", "12.50 "),
    _amount("with a line feed", "12.50\n"),
    _amount("with separators", "1,250.00"),
    _amount("with underscores", "1_250.00"),
    _amount("with a comma", "12,50"),
    _amount("in Arabic digits", "١٢.٥٠"),
    _amount("in full-width digits", "１２.５０"),
    _amount("with a minus sign of Unicode", "−12.50"),
    _amount("beginning with a point", ".50"),
    _amount("ending with a point", "12."),
    _amount("with two points", "1.2.3"),
    _amount("hexadecimal", "0x10"),
    _amount("with a currency", "€12.50"),
    _amount("of 10^40", "1" + "0" * 40, says="10^30"),
    _amount("one more than 10^30 minor units", "1" + "0" * 28 + ".01", says="10^30"),
    _amount("of a million digits", "1" * 1_000_000),
    _amount("with three decimals in euros", "12.505", "too-many-decimals", "EUR has 2"),
    _amount("with zeros as third decimals", "12.500", "too-many-decimals"),
]
ACCOUNTS = [
    _account("empty", "", "it is empty"),
    _account("with an empty segment", "assets::bank", "empty"),
    _account("beginning with a colon", ":assets", "empty"),
    _account("ending with a colon", "assets:", "empty"),
    _account("with a space", "assets:my bank", "' '"),
    _account("of 300 characters", "assets:" + "a" * 293, "300 characters"),
    _account("with a line feed", "assets:bank\n", "'\\n'"),
    _account("with an escape", "assets:\x1b[31m", "'\\x1b'"),
    _account("with a right-to-left mark", "assets:\u200fbank", "'\\u200f'"),
    _account("with a right-to-left override", "assets:\u202eknab", "'\\u202e'"),
    _account("with a zero-width space", "assets:\u200bbank", "'\\u200b'"),
    _account("decomposed", "assets:cafe\u0301", "'\\u0301'"),
    _account("with a compatibility form that normalises", "assets:\u2126", "normal form C"),
    _account("of dots", "assets:..", "dots alone"),
    _account("with a slash", "assets/bank", "'/'"),
    _account("with an asterisk", "assets:*", "'*'"),
    _account("with an emoji", "assets:💰", "'\\U0001f4b0'"),
    _account("null", None, "must be a string, not null"),
    _account("a number", 42, "must be a string, not a number"),
    bad(
        "account that no rule opens",
        with_entry(account="users:42:wallet"),
        "account-not-found",
        ACCOUNT,
        "users:42:wallet",
    ),
]
ASSETS = [
    bad("asset unknown", with_entry(asset="XYZ"), "unknown-asset", ASSET, "XYZ"),
    bad("asset in small letters", with_entry(asset="eur"), pointer=ASSET),
    bad("asset empty", with_entry(asset=""), pointer=ASSET),
    bad("asset too long", with_entry(asset="E" * 33), pointer=ASSET),
    bad("asset with a line feed", with_entry(asset="EUR\n"), pointer=ASSET),
    bad("asset a list", with_entry(asset=["EUR"]), pointer=ASSET, says="must be a string, not a list"),
]
DIRECTIONS = [
    bad("direction unknown", with_entry(direction="left"), pointer="/entries/0/direction", says="debit"),
    bad("direction in capitals", with_entry(direction="Debit"), pointer="/entries/0/direction"),
    bad("direction null", with_entry(direction=None), pointer="/entries/0/direction"),
]
UNKNOWN = [
    bad("150,000 fields unknown", sale(**_MANY), pointer="/x0", says="(19 more in errors, and 149,980 more)"),
    bad("100 fields of an entry unknown", with_entry(**dict(list(_MANY.items())[:100])), pointer="/entries/0/x0"),
    bad("100,000 keys of metadata", sale(metadata=dict(list(_MANY.items())[:100_000])), pointer="/metadata"),
    bad("100,000 entries that are none", {"entries": [1] * 100_000}, pointer="/entries", says="100,000 items"),
    bad("total unknown", sale() | {"total": 5}, pointer="/total"),
    bad("amount as a number in metadata", sale(metadata={"amount": 5}), pointer="/metadata/amount"),
    bad("field unknown", sale(ammount="1"), pointer="/ammount", says="/ammount is not a field that is known here"),
    bad("field of an entry unknown", with_entry(memo="x"), pointer="/entries/0/memo", says="is not a field"),
    bad("field unknown, to be escaped", sale(**{"a/b~c": 1}), pointer="/a~1b~0c"),
    bad("field unknown, named like one that is answered", sale(id="txn_1"), pointer="/id"),
]
SHAPES = [
    bad("no entries", {}, pointer="/entries", says="is missing"),
    bad("entries null", {"entries": None}, pointer="/entries", says="must be a list, not null"),
    bad("entries an object", {"entries": {}}, pointer="/entries", says="must be a list, not an object"),
    bad("entries of texts", {"entries": ["a", "b"]}, pointer="/entries/0", says="must be an object, not a string"),
    bad("an entry without amount", _entries(_DEBIT, _without(_CREDIT, "amount")), pointer="/entries/1/amount"),
    bad("a list", [], pointer="", says="must be an object, not a list"),
    bad("a text", "sale", pointer="", says="must be an object, not a string"),
    bad("a number", 1, pointer="", says="must be an object, not a number"),
    bad("null", None, pointer="", says="must be an object, not null"),
]
TEXTS = [
    bad("reference empty", sale(reference=""), pointer="/reference", says="empty"),
    bad("reference blank", sale(reference=" \t"), pointer="/reference"),
    bad("reference too long", sale(reference="r" * 256), pointer="/reference", says="256 characters"),
    bad("reference with a line feed", sale(reference="a\nb"), pointer="/reference", says="control character"),
    bad("reference a number", sale(reference=1001), pointer="/reference", says="must be a string"),
    bad("description too long", sale(description="d" * 1001), pointer="/description", says="1,001 characters"),
    bad("description null", {**sale(), "description": None}, pointer="/description", says="not null"),
]
TIMES = [
    bad(f"effective at {name}", sale(effective_at=moment), pointer="/effective_at", says=says)
    for name, moment, says in (
        ("year 0", "0000-01-01T00:00:00Z", "exists"),
        ("year 10000", "10000-01-01T00:00:00Z", "RFC 3339"),
        ("year 10000 by its offset", "9999-12-31T23:30:00-01:00", "exists"),
        ("year 0 by its offset", "0001-01-01T00:30:00+01:00", "exists"),
        ("30 February", "2026-02-30T00:00:00Z", "exists"),
        ("month 13", "2026-13-01T00:00:00Z", "exists"),
        ("hour 25", "2026-01-01T25:00:00Z", "exists"),
        ("no offset", "2026-01-01T00:00:00", "offset"),
        ("a date", "2026-01-01", "RFC 3339"),
        ("a week date", "2026-W01-1T00:00:00Z", "RFC 3339"),
        ("other digits", "２０２６-01-01T00:00:00Z", "RFC 3339"),
        ("a line feed", "2026-01-01T00:00:00Z\n", "RFC 3339"),
        ("empty", "", "RFC 3339"),
        ("a number", 1_767_225_600, "must be a string"),
        ("true", True, "must be a string"),
    )
] + [bad("effective in the future", sale(effective_at="9999-01-01T00:00:00Z"), "effective-in-future", "/effective_at")]
METADATA = [
    bad("metadata nested", sale(metadata={"a": {"b": "c"}}), pointer="/metadata/a", says="must be a string"),
    bad("metadata a number", sale(metadata={"a": 1}), pointer="/metadata/a", says="must be a string, not a number"),
    bad("metadata a boolean", sale(metadata={"a": True}), pointer="/metadata/a", says="not a boolean"),
    bad("metadata null", sale(metadata={"a": None}), pointer="/metadata/a", says="not null"),
    bad("metadata a list", sale(metadata=["a"]), pointer="/metadata", says="must be an object, not a list"),
    bad("metadata of 65 keys", sale(metadata={str(n): "" for n in range(65)}), pointer="/metadata", says="65 keys"),
    bad("metadata key too long", sale(metadata={"k" * 65: ""}), pointer="/metadata", says="65 characters"),
    bad("metadata key empty", sale(metadata={"": "x"}), pointer="/metadata", says="empty"),
    bad("metadata value too long", sale(metadata={"a/b": "v" * 1001}), pointer="/metadata/a~1b", says="1,001"),
]

TRANSACTIONS = [
    *UNBALANCED, *AMOUNTS, *ACCOUNTS, *ASSETS, *DIRECTIONS, *UNKNOWN, *SHAPES, *TEXTS, *TIMES, *METADATA
]  # fmt: skip

_TEXT_FIELDS = {
    "account": '{"entries": [{"account": "@"}]}',
    "amount": '{"entries": [{"amount": "@"}]}',
    "asset": '{"entries": [{"asset": "@"}]}',
    "direction": '{"entries": [{"direction": "@"}]}',
    "reference": '{"reference": "@"}',
    "description": '{"description": "@"}',
    "effective_at": '{"effective_at": "@"}',
    "metadata value": '{"metadata": {"a": "@"}}',
    "metadata key": '{"metadata": {"@": "a"}}',
    "unknown field": '{"@": "a"}',
}


def _malformed(name: str, sent: bytes, says: str = "") -> Bad:
    return bad(name, sent, "malformed-json", says=says, at=400)


_GOOD = json.dumps(sale()).encode()
# What is no JSON, or not only one thing to every reader. None has a line feed, so that each can be a line.
DOCUMENTS = [
    _malformed("truncated", _GOOD[:-1], "column 185"),
    _malformed("truncated in a text", _GOOD[:20]),
    _malformed("followed by more", _GOOD + b"{}"),
    _malformed("a key without quotes", b"{entries: []}"),
    _malformed("single quotes", b"{'entries': []}"),
    _malformed("a trailing comma", _GOOD[:-1] + b",}"),
    _malformed("a comment", _GOOD + b" // sale"),
    _malformed("a tab in a text", b'{"reference": "a\tb"}'),
    _malformed("an escape that there is not", rb'{"reference": "\x00"}'),
    _malformed("NaN", b'{"entries": NaN}', "NaN"),
    _malformed("Infinity", b'{"entries": -Infinity}', "-Infinity"),
    _malformed("a key twice", b'{"entries": [], "entries": []}', "'entries' appears twice"),
    _malformed("a key twice, written in two ways", rb'{"entries": [], "entr\u0069es": []}', "'entries' appears twice"),
    _malformed("a key twice in metadata", b'{"metadata": {"a": "1", "a": "1"}}', "'a' appears twice"),
    _malformed("a key twice in an entry", b'{"entries": [{"amount": "1", "amount": "2"}]}', "'amount' appears twice"),
    _malformed("a key twice, deep down", b'[[[{"a": [{"b": 1, "b": 2}]}]]]', "'b' appears twice"),
    _malformed("invalid UTF-8", b'{"reference": "\xff"}', "byte 15"),
    _malformed("UTF-8 cut off", b'{"reference": "\xe2\x82', "not UTF-8"),
    _malformed("overlong UTF-8", b'{"reference": "\xc0\x80"}', "not UTF-8"),
    _malformed("a surrogate in UTF-8", b'{"reference": "\xed\xa0\x80"}', "not UTF-8"),
    _malformed("a byte order mark", b"\xef\xbb\xbf" + _GOOD),
    _malformed("UTF-16", _GOOD.decode().encode("utf-16")),
    _malformed("Latin-1", '{"reference": "é"}'.encode("latin-1")),
    _malformed("100,000 brackets", b"[" * 100_000, "too deeply"),
    _malformed("100,000 nested objects", b'{"a":' * 100_000, "too deeply"),
    _malformed("100,000 nested lists in metadata", b'{"metadata": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deeply"),
    _malformed("nested lists with escapes", b'{"\\u0061": ' + b"[" * 900 + b"]" * 900 + b"}", "deeply"),
    _malformed("an integer of 10,000 digits", b'{"entries": ' + b"9" * 10_000 + b"}", "too many digits"),
    *(
        _malformed(f"{what} in {field}", text.replace("@", escape).encode(), says)
        for field, text in _TEXT_FIELDS.items()
        for what, escape, says in (
            ("NUL", r"a\u0000b", "NUL"),
            ("half of a pair", r"a\ud83db", "half of a surrogate pair"),
            ("the other half", r"\ude00", "half of a surrogate pair"),
            ("halves in the wrong order", r"\ude00\ud83d", "half of a surrogate pair"),
        )
    ),
    _malformed("a number beyond floats", b'{"entries": 1e999}', "too large"),
    _malformed("an exponent of a hundred digits", b'{"entries": -1e' + b"9" * 100 + b"}", "too large"),
    bad("nested as deep as can be read", b'{"metadata": ' + b"[" * 60 + b"]" * 60 + b"}"),
]
