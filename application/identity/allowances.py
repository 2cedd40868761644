"""What an organisation may still ask of the server."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from application.identity.ports import QuotaStore
from application.identity.remembering import REMEMBERED_MAX, REMEMBERED_SECONDS
from application.shared.single_flight import SingleFlight
from domain.shared.quotas import StorageUsedUp


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many requests a minute an organisation may make, and why it may write no more; None is without a limit."""

    requests_per_minute: int | None = None
    writes_refused: StorageUsedUp | None = None


class Allowances:
    """Looks up what organisations may do, and remembers it for five seconds.

    The logs are metered here, and only those of organisations that have a quota of storage: so writing costs nothing
    more, and a quota may be exceeded by what is written in some seconds.
    """

    def __init__(self, quotas: QuotaStore, *, seconds: Callable[[], float] = monotonic) -> None:
        """`seconds` is a clock that never jumps."""
        self._quotas = quotas
        self._seconds = seconds
        self._remembered: dict[int, tuple[float, Allowance]] = {}
        self._looking: SingleFlight[int, Allowance] = SingleFlight()

    async def of(self, organisation_id: int) -> Allowance:
        """Return what the organisation may do. Raises `StoreUnavailable`, `CommitInDoubt`."""
        remembered = self._remembered.get(organisation_id)
        if remembered is not None and self._seconds() < remembered[0]:
            return remembered[1]
        return await self._looking.once(organisation_id, lambda: self._look_up(organisation_id))

    async def _look_up(self, organisation_id: int) -> Allowance:
        quotas = await self._quotas.quotas(organisation_id)
        refused = None
        if quotas.storage_bytes is not None:
            refused = quotas.storage_exceeded(await self._quotas.meter(organisation_id))
        allowance = Allowance(quotas.requests_per_minute, refused)
        self._remembered.pop(organisation_id, None)
        if len(self._remembered) >= REMEMBERED_MAX:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[organisation_id] = (self._seconds() + REMEMBERED_SECONDS, allowance)
        return allowance
