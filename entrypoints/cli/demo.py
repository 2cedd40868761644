"""The demo: an organisation with a ledger and an API key, and how to try them out."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from application.identity.create_organisation import create_organisation
from application.ledger.create_ledger import create_ledger
from domain.identity.api_key import FULL_RIGHTS
from domain.ledger.ledger import LedgerNotFound
from domain.shared.access import Permission
from domain.shared.chain import Author, Origin
from domain.shared.errors import NotAuthenticated

if TYPE_CHECKING:
    from entrypoints.container import Services

FILE_NAME: Final = "demo.json"
LEDGER: Final = "main"
_ACTOR: Final = "system:demo"
_SALE: Final = {
    "description": "First sale",
    "entries": [
        {"account": "assets:bank", "direction": "debit", "amount": "12.50", "asset": "EUR"},
        {"account": "income:sales", "direction": "credit", "amount": "12.50", "asset": "EUR"},
    ],
}


@dataclass(frozen=True, slots=True)
class Demo:
    """What `demo.json` says."""

    url: str
    organisation: str
    ledger: str
    api_key: str

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Return the demo of a data folder, or None where there is none."""
        try:
            document = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
            demo = cls(**{name: str(document[name]) for name in cls.__dataclass_fields__})
            int(demo.organisation)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return demo

    def save(self, folder: Path) -> None:
        """Write it for its owner's eyes only, all at once."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / f"{FILE_NAME}.{secrets.token_hex(8)}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(folder / FILE_NAME)

    def welcome(self, file: Path) -> str:
        """Return where to go, the key, and commands to paste."""
        books = f"{self.url}/v1/ledgers/{self.ledger}"
        authorization = f"-H 'Authorization: Bearer {self.api_key}'"
        return f"""\
Partita serves at {self.url}
Its documentation: {self.url}/docs

  organisation  {self.organisation}
  ledger        {self.ledger}
  API key       {self.api_key}
  (also in {file})

Post a transaction:

curl -sS {books}/transactions \\
  {authorization} \\
  -H 'Content-Type: application/json' \\
  -d '{json.dumps(_SALE)}'

Read a balance:

curl -sS {books}/accounts/assets:bank/balances \\
  {authorization}

Ctrl-C stops everything."""


async def prepare_demo(services: "Services", folder: Path, url: str) -> Demo:
    """Return the demo of the data folder, made at first; its `demo.json` says where it is now."""
    known = Demo.load(folder)
    if known is not None and await _stands(services, known):
        demo = Demo(url, known.organisation, known.ledger, known.api_key)
    else:
        demo = await _make(services, url)
    demo.save(folder)
    return demo


async def _stands(services: "Services", demo: Demo) -> bool:
    """Whether it is in this database, which may be another than last time."""
    try:
        principal = await services.authenticate.principal(demo.api_key)
        async with services.ledgers.read(principal, Permission.LEDGERS_READ, ledger=demo.ledger) as reads:
            await reads.ledgers.head(demo.ledger)
    except (NotAuthenticated, LedgerNotFound):
        return False
    return str(principal.organisation_id) == demo.organisation


async def _make(services: "Services", url: str) -> Demo:
    request_id = services.ids.new("req")
    principal = await create_organisation(
        services.organisations, services.clock, services.ids, "Demo", author=Author(_ACTOR, request_id, Origin(_ACTOR))
    )
    await create_ledger(
        services.ledgers,
        services.clock,
        services.ids,
        principal,
        slug=LEDGER,
        name="Main",
        metadata={},
        request_id=request_id,
    )
    _, api_key = await services.api_keys.create(principal, "demo", FULL_RIGHTS, request_id=request_id)
    assert api_key is not None
    return Demo(url, str(principal.organisation_id), LEDGER, api_key)
