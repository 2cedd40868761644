"""Tickets: what a browser shows in a URL in place of its credential, which would stay in logs and histories."""

from datetime import timedelta
from typing import Final

from domain.identity.secret_text import SecretKind

TICKET: Final = SecretKind("ptt", "ticket")
TICKETS_LIVE: Final = timedelta(seconds=30)
# Of one organisation at a time.
TICKETS_MAX: Final = 10_000
