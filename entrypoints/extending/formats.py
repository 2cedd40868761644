"""Formats of extensions, which are named in the log when they fail."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO, Final

from application.interchange.export_ledger import LedgerFormat
from application.interchange.foreign_formats import ForeignFormat, Options
from application.interchange.formats import FileType
from application.interchange.found import ForeignFile, Found
from application.ledger.readers import StoredEvent
from application.ledger.report_reader import AccountBalance
from application.shared.extension_watch import ExtensionWatch
from domain.ledger.asset import Asset
from domain.shared.errors import DomainError

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


class _WatchedFile:
    def __init__(self, watch: ExtensionWatch, what: str, file: ForeignFile) -> None:
        self._watch = watch
        self._what = what
        self._file = file

    def read(self, file: IO[bytes]) -> Iterator[Found]:
        with self._watch.doing(self._what, slow_seconds=float("inf")):
            yield from self._file.read(file)


def watched_import(watch: ExtensionWatch, given: ForeignFormat) -> ForeignFormat:
    """Return the format, watched: how long a file takes depends on the file, so that nothing is said of that."""

    def reader(options: Options, time_zone: str) -> ForeignFile:
        what = f"its format {given.name}"
        with watch.doing(what, slow_seconds=SLOW_SECONDS, fine=(DomainError,)):
            return _WatchedFile(watch, what, given.reader(options, time_zone))

    return replace(given, reader=reader)
