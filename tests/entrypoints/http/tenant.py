"""An organisation as its own client sees it: a key, a ledger, and short ways to ask for what tests ask for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from httpx2 import AsyncClient, Response

from application.identity.admission import Admitted
from application.identity.authenticate import Bearer
from domain.shared.access import Principal

PROBLEM = "application/problem+json"
NDJSON = "application/x-ndjson"
Json = dict[str, Any]


@dataclass(frozen=True)
class Tenant:
    """An organisation with one API key and one empty ledger; `client` sends the key with every request."""

    organisation_id: int
    key: str
    ledger: str
    client: AsyncClient

    @property
    def principal(self) -> Principal:
        """Who the organisation is to the application."""
        return Principal(self.organisation_id, "system:tests")

    @property
    def authorization(self) -> dict[str, str]:
        """The header that carries the key."""
        return {"Authorization": f"Bearer {self.key}"}

    def path(self, rest: str = "") -> str:
        """A path below the ledger."""
        return f"/v1/ledgers/{self.ledger}{rest}"

    async def get(self, rest: str = "", **given: Any) -> Response:
        """GET below the ledger."""
        return await self.client.get(self.path(rest), **given)

    async def post(self, transaction: Any, **given: Any) -> Response:
        """Post a transaction."""
        return await self.client.post(self.path("/transactions"), json=transaction, **given)

    async def posted(self, transaction: Any, **given: Any) -> Json:
        """Post a transaction that is accepted, and return it as it was answered."""
        posted: Json = document(await self.post(transaction, **given), 201)
        return posted

    async def bulk(self, transactions: list[Any], *, atomic: bool | None = None, **given: Any) -> Response:
        """Post a JSON bulk."""
        body: Json = {"transactions": transactions} | ({} if atomic is None else {"atomic": atomic})
        return await self.client.post(self.path("/transactions/bulk"), json=body, **given)

    async def stream(self, lines: bytes, headers: Mapping[str, str] | None = None, **given: Any) -> Response:
        """Post lines as a stream, all at once."""
        return await self.client.post(
            self.path("/transactions/bulk"),
            content=lines,
            headers={"Content-Type": NDJSON, **(headers or {})},
            **given,
        )

    async def head(self) -> int:
        """The sequence of the ledger's last event."""
        sequence: int = document(await self.get())["sequence"]
        return sequence

    async def balance(self, account: str, asset: str = "EUR") -> str:
        """What the account holds of the asset."""
        balances = document(await self.get(f"/accounts/{account}/balances"))["balances"]
        return next((str(each["posted"]) for each in balances if each["asset"] == asset), "nothing")


def sale(amount: Any = "12.50", **others: Any) -> Json:
    """A transaction of two entries, on accounts that the default chart opens; None leaves a field out."""
    entries = [
        {"account": "assets:bank", "direction": "debit", "amount": amount, "asset": "EUR"},
        {"account": "income:sales", "direction": "credit", "amount": amount, "asset": "EUR"},
    ]
    return {name: value for name, value in ({"entries": entries} | others).items() if value is not None}


def with_entry(**changes: Any) -> Json:
    """A sale whose first entry is changed."""
    transaction = sale()
    transaction["entries"][0] |= changes
    return transaction


def document(response: Response, status: int = 200) -> Any:
    """The JSON of an answer, which must have this status."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    assert response.headers["content-type"] == "application/json", response.headers
    return response.json()


def problem(response: Response, status: int, code: str) -> Json:
    """The problem that an answer is: with all that RFC 9457 and the API's description promise of one."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    assert response.headers["content-type"] == PROBLEM, response.headers
    told: Json = response.json()
    checked_problem(told, status, code)
    assert told["request_id"] == response.headers["x-request-id"]
    assert "instance" in told
    return told


def checked_problem(told: Json, status: int, code: str) -> Json:
    """See that a problem has every member that it must have, and only those."""
    assert told["code"] == code, told
    assert told["status"] == status
    assert told["type"] == f"/problems/{code}"
    assert told["title"]
    assert len(told["detail"]) > 10
    assert told["detail"].rstrip().endswith((".", "?", "…")), told["detail"]
    members = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}
    facts = {"account", "asset", "available", "balance", "condition", "limit", "asked"}
    facts |= {"held_debits", "held_credits", "hold", "hold_status", "left", "transaction", "closed_until", "taken_by"}
    facts |= {"permission", "quota", "used", "policy", "extension"}
    assert set(told) <= members | facts, told
    for blame in told.get("errors", ()):
        assert set(blame) == {"pointer", "detail"}
        assert blame["pointer"] == "" or blame["pointer"].startswith("/")
        assert blame["detail"]
    return told


def blamed(told: Json) -> list[str]:
    """The places that a problem blames."""
    return [blame["pointer"] for blame in told["errors"]]


def always(principal: Principal) -> Callable[[str, str | None], Admitted]:
    """What lets everyone in as this one, in the place of `Admission.at_once`."""
    return lambda text, address: Admitted(Bearer(principal), ())
