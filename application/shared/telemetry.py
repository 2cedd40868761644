"""What is told of the work that goes on, to those who run the server: traces, figures, and what log lines concern."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from enum import StrEnum
from typing import Final, Protocol

Fact = str | int | float

FACTS: Final[ContextVar[dict[str, Fact] | None]] = ContextVar("facts", default=None)
"""What the work at hand concerns, for lines of the log: `request`, `trace`, `organisation`, `ledger` and so on."""


class Kind(StrEnum):
    """What kind of work it is."""

    REQUEST = "request"
    GROUP = "group"
    COMMIT = "commit"
    STATEMENT = "statement"
    REDIS = "redis"
    JOB = "job"
    DELIVERY = "delivery"


class Telemetry(Protocol):
    """Who is told of work. Facts are ids, codes and numbers, never what a client sent, and never a secret."""

    def span(
        self,
        kind: Kind,
        name: str,
        /,
        *,
        request: str | None = None,
        parent: str | None = None,
        causes: Iterable[str] = (),
        **facts: Fact,
    ) -> AbstractContextManager[None]:
        """Surround work, from its beginning to its end. What it raises, is passed on.

        `request` is the id of the request that it is, or that it is done for some time later; `parent` what a client
        says of where it comes from (W3C `traceparent`); `causes` are the ids of the requests that led to it together.
        """
        ...

    @property
    def takes_steps(self) -> bool:
        """Return whether each step of the work at hand is to be told of."""
        ...

    def tell(self, **facts: Fact) -> None:
        """Add what has become known of the work at hand."""
        ...

    def ended(self, kind: Kind, name: str, seconds: float, /, **facts: Fact) -> None:
        """Tell of a step of the work at hand that has just ended, and has taken so long."""
        ...


class Gauges(Protocol):
    """What is so at this moment, and is only looked at when somebody asks."""

    async def read(self) -> Mapping[tuple[str, str], float]:
        """Return numbers by their names and what each is of (`""` where there is only one)."""
        ...


class Metrics(Protocol):
    """The figures of this process, for a monitoring system that comes and asks."""

    async def page(self) -> tuple[bytes, str]:
        """Return all of them, and the media type that they are written in."""
        ...


class Unwatched:
    """Nobody is told."""

    def span(  # noqa: D102  # the port documents it
        self,
        kind: Kind,
        name: str,
        /,
        *,
        request: str | None = None,
        parent: str | None = None,
        causes: Iterable[str] = (),
        **facts: Fact,
    ) -> AbstractContextManager[None]:
        return _NOTHING

    @property
    def takes_steps(self) -> bool:  # noqa: D102  # the port documents it
        return False

    def tell(self, **facts: Fact) -> None:  # noqa: D102  # the port documents it
        return None

    def ended(self, kind: Kind, name: str, seconds: float, /, **facts: Fact) -> None:  # noqa: D102  # as above
        return None


_NOTHING: Final = nullcontext()
UNWATCHED: Final = Unwatched()
"""Who is told where nobody watches: it costs next to nothing."""
