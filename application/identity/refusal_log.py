"""The log of refusals: who was refused what, and from where, so that guessing and reaching too far can be seen.

However much is refused, it does not fill a disk: of one code for one address, so many are told a minute, and then how
many more there were; beyond so many addresses, all others count as one.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from application.identity.admission import network_of

TOLD_MAX: Final = 10
NAMES_MAX: Final = 200
WINDOW_SECONDS: Final = 60.0
_SHOWN_LENGTH_MAX: Final = 200
_OTHERS: Final = "others"
# What can be read as it is. Else it is quoted, with all that could be taken for the end of a line escaped.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:{}*-]+", re.ASCII)

_log = logging.getLogger("partita.access")


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal: its `code` and `detail`, in which request it was, what that asked for, and by whom, if that is known.

    `credential` and `organisation_id` are what a good credential stands for, or what an OAuth client says that it is.
    """

    code: str
    request_id: str
    what: str
    address: str | None
    actor: str | None = None
    credential: str | None = None
    organisation_id: int | None = None
    permission: str | None = None
    ledger: str | None = None
    detail: str | None = None


class RefusalLog:
    """Writes refusals to the log `partita.access`, a bounded number a minute."""

    def __init__(self, *, window_seconds: float = WINDOW_SECONDS, seconds: Callable[[], float] = monotonic) -> None:
        self._window_seconds = window_seconds
        self._seconds = seconds
        self._counts: dict[tuple[str, str], int] = {}
        self._ends_at = 0.0
        self._ending: asyncio.TimerHandle | None = None

    def note(self, refused: Refused) -> None:
        """Write a line, unless there were too many of its kind. Takes an event loop, which ends the minute."""
        if self._seconds() >= self._ends_at:
            self.end_window()
        if self._ending is None:
            self._ends_at = self._seconds() + self._window_seconds
            self._ending = asyncio.get_running_loop().call_later(self._window_seconds, self.end_window)
        name = (_OTHERS if refused.address is None else network_of(refused.address), refused.code)
        if name not in self._counts and len(self._counts) >= NAMES_MAX:
            name = (_OTHERS, refused.code)
        count = self._counts[name] = self._counts.get(name, 0) + 1
        if count <= TOLD_MAX:
            _log.warning("refused %s", _line(refused))

    def end_window(self) -> None:
        """Tell how many were left out, and begin anew."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        counts, self._counts = self._counts, {}
        for (address, code), count in counts.items():
            if count > TOLD_MAX:
                _log.warning(
                    "refused %s from %s %d times more, which are left out",
                    _shown(code),
                    _shown(address),
                    count - TOLD_MAX,
                )


def _line(refused: Refused) -> str:
    told = {
        "what": refused.what,
        "actor": refused.actor,
        "credential": None if refused.credential == refused.actor else refused.credential,
        "organisation": refused.organisation_id,
        "permission": refused.permission,
        "ledger": refused.ledger,
        "address": refused.address,
        "request": refused.request_id,
        "detail": refused.detail,
    }
    shown = [f"{name}={_shown(str(value))}" for name, value in told.items() if value is not None]
    return " ".join([_shown(refused.code), *shown])


def _shown(text: str) -> str:
    text = text[:_SHOWN_LENGTH_MAX]
    return text if _PLAIN.fullmatch(text) else ascii(text)
