"""Formats of extensions, which are named in the log when they fail."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from application.interchange.export_ledger import LedgerFormat
from application.interchange.formats import FileType
from application.ledger.readers import StoredEvent
from application.ledger.report_reader import AccountBalance
from application.shared.extension_watch import ExtensionWatch
from domain.ledger.asset import Asset

# Of what is written in one turn, in which nobody else is served.
SLOW_SECONDS: Final = 0.25


class _WatchedFormat(LedgerFormat):
    def __init__(self, watch: ExtensionWatch, what: str, written: LedgerFormat) -> None:
        self._watch = watch
        self._what = what
        self._written = written

    @property
    def proved_assets(self) -> Sequence[Asset]:
        with self._watch.doing(self._what, slow_seconds=SLOW_SECONDS):
            return self._written.proved_assets

    def events(self, events: Sequence[StoredEvent]) -> bytes:
        with self._watch.doing(self._what, slow_seconds=SLOW_SECONDS):
            return self._written.events(events)

    def balances(self, asset: Asset, balances: Sequence[AccountBalance]) -> bytes:
        with self._watch.doing(self._what, slow_seconds=SLOW_SECONDS):
            return self._written.balances(asset, balances)

    def end(self) -> bytes:
        with self._watch.doing(self._what, slow_seconds=SLOW_SECONDS):
            return self._written.end()


def watched_format(watch: ExtensionWatch, name: str, file_type: FileType) -> FileType:
    """Return the format, watched."""

    def begin() -> LedgerFormat:
        what = f"its format {name}"
        with watch.doing(what, slow_seconds=SLOW_SECONDS):
            return _WatchedFormat(watch, what, file_type.begin())

    return replace(file_type, begin=begin)
