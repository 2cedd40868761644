"""What an extension is: one object that says what it adds, and what that is given to work with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from application.extensions.ports import Happened
from application.extensions.scheduling import principal_of
from application.interchange.foreign_formats import ForeignFormat
from application.interchange.formats import FileType
from application.ledger.journal import Journal
from application.ledger.ports import Command
from application.ledger.readers import LedgerReads
from application.shared.ports import Clock, Ids, Work
from domain.ledger.policy import PostingPolicy
from domain.shared.access import Permission, Principal
from domain.shared.stable import stable

# What takes long to import is imported by those extensions that add it.
if TYPE_CHECKING:
    import typer
    from fastapi import APIRouter
    from pydantic import BaseModel
    from sqlalchemy.ext.asyncio import AsyncConnection

DAILY: Final = timedelta(days=1)


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class ExtensionServices:
    """What an extension works with, on this server: the doors that everything else goes through, too.

    `settings` are its own, as its class says, or None. `own` opens what its `reader` reads, in the way of `ledgers`.
    """

    name: str
    settings: Any
    journal: Journal
    ledgers: Work[LedgerReads, object]
    own: Work[Any, object] | None
    clock: Clock
    ids: Ids

    def principal(self, organisation_id: int, *permissions: Permission) -> Principal:
        """Return the extension itself as one who may do this in all ledgers of an organisation, and nothing else."""
        return principal_of(self.name, organisation_id, frozenset(permissions))


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class EventHandler:
    """Is told of each event of each ledger after it was committed: in order, and at least once.

    Of `types`, if there are any: `transaction.posted`. It has 30 seconds for each, and must not block its loop. An
    event at which it raises is told again, later and later, and those after it in that ledger wait.
    """

    name: str
    handle: Callable[[ExtensionServices, Happened], Awaitable[None]]
    types: frozenset[str] = frozenset()


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class LedgerJob:
    """Is done in each open ledger once in a `period`, as the extension itself, which has these permissions there.

    `do` gets, with its services, who does it and the ledger's slug, when the period began (UTC): the same again where
    it is done again. A period in which no worker ran, or in which the organisation had too many jobs, is left out.

    It is a job of kind `extension` below `/v1/jobs`: it may be done twice, also at the same time, and then comes to the
    same. Where it raises a refusal it has failed; with anything else, also where it takes longer than `time_max`, it is
    tried again, five times. Raises `ValueError` for a period below a minute, and a `time_max` above an hour.
    """

    name: str
    do: Callable[[ExtensionServices, Principal, str, datetime], Awaitable[None]]
    permissions: frozenset[Permission]
    period: timedelta = DAILY
    time_max: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        if self.period < timedelta(minutes=1):
            raise ValueError(f"the job {self.name} has a period of {self.period}; a minute is the least")
        if not timedelta() < self.time_max <= timedelta(hours=1):
            raise ValueError(f"the job {self.name} may take {self.time_max}; an hour is the most")


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """What an extension adds; all of it is optional but its name, which its entry point has, too.

    - `settings`: a model, filled in from `PARTITA_<NAME>_<FIELD>`.
    - `commands`: what the journal does beside the ledger's own commands, each with a permission that there is.
    - `policies`: make, of its settings, a posting policy.
    - `handlers`: are told of events.
    - `jobs`: are done in each ledger, time after time.
    - `routes`: are mounted at `/v1/ledgers/{ledger}/x/<name>`; their routers have the `route_class` `StrictRoute`.
    - `queries`, `mutations`: types of Strawberry, whose fields GraphQL's own get besides.
    - `reader`: makes, of a connection that sees one organisation alone and of its number, what reads for the extension.
    - `command_line`: commands, as `partita x <name> …`.
    - `export_formats`: by name, besides those of Partita.
    - `import_formats`: formats of files that can be imported, likewise.
    """

    name: str
    settings: "type[BaseModel] | None" = None
    commands: tuple[type[Command], ...] = ()
    policies: tuple[Callable[[Any], PostingPolicy], ...] = ()
    handlers: tuple[EventHandler, ...] = ()
    jobs: tuple[LedgerJob, ...] = ()
    routes: "tuple[APIRouter, ...]" = ()
    queries: tuple[type, ...] = ()
    mutations: tuple[type, ...] = ()
    reader: "Callable[[AsyncConnection, int], Any] | None" = None
    command_line: "typer.Typer | None" = None
    export_formats: Mapping[str, FileType] = field(default_factory=dict)
    import_formats: tuple[ForeignFormat, ...] = ()
