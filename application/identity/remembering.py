"""For how long what was looked up is believed."""

from typing import Final

REMEMBERED_SECONDS: Final = 4.5
"""Whatever is revoked, used up or replaced holds on every server after this, also on one that does not hear of it.

What goes on for long asks for who it is every half a second, and so hears of it after five seconds at most.
"""

KEYS_REMEMBERED_SECONDS: Final = 1.0
"""The keys of access tokens are read again after this; what was shown by a token is believed for so much less."""

REMEMBERED_MAX: Final = 10_000
"""So much is remembered of one kind; what was looked up first goes first."""
