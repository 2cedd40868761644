"""The secrets of endpoints, which are kept sealed."""

from datetime import datetime

from application.identity.ports import Secrets
from application.shared.ports import Sealing
from application.webhooks.ports import Unsealable
from domain.webhooks.endpoint import Sealed
from domain.webhooks.secret import RANDOM_BYTES, secret_text


class SealedSecrets:
    """Makes them, and opens them where something is to be signed."""

    def __init__(self, secrets: Secrets, sealing: Sealing) -> None:
        self._secrets = secrets
        self._sealing = sealing

    def new(
        self, organisation_id: int, endpoint: str, before: Sealed | None = None, until: datetime | None = None
    ) -> tuple[Sealed, str]:
        """Return a new secret, sealed, and its text; the one before, if any, is used as well until then (UTC)."""
        random = self._secrets.random_bytes(RANDOM_BYTES)
        sealed = self._sealing.seal(random, _bound_to(organisation_id, endpoint))
        return Sealed(sealed, None if before is None else before.current, until), secret_text(random)

    def opened(self, organisation_id: int, endpoint: str, sealed: Sealed, now: datetime) -> tuple[bytes, ...]:
        """Return those that messages are signed with now. Raises `Unsealable`."""
        bound_to = _bound_to(organisation_id, endpoint)
        opened = [self._sealing.open(each, bound_to) for each in sealed.in_use(now)]
        if None in opened:
            raise Unsealable(
                "The secret cannot be opened, as it was sealed with another signing key: rotate the secret."
            )
        return tuple(each for each in opened if each is not None)


def _bound_to(organisation_id: int, endpoint: str) -> bytes:
    return f"webhook {organisation_id} {endpoint}".encode()
