"""Reading a file of another program: what it comes to, before anything is done about it."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from os import SEEK_END
from typing import IO, Final

from application.interchange.found import (
    FailedCheck,
    ForeignFile,
    Found,
    FoundAccount,
    FoundAsset,
    FoundTransaction,
    Remark,
    Unreadable,
)
from application.interchange.found_lines import transaction_line
from application.interchange.listed import Listed
from application.interchange.transaction_lines import LINE_BYTES_MAX
from domain.ledger.asset import standard_asset
from domain.shared.errors import DomainError, ErrorKind, ValidationFailed

# About ten milliseconds of work of a thread, after each of which a reading that nobody waits for any more ends.
_FOUND_PER_TURN: Final = 300
_SHOWN_MAX: Final = 3
# The tersest journals come to lines of 14 times their size: what comes to more is made for that.
_LINES_TIMES_MAX: Final = 16
_LINES_BYTES_MIN: Final = 1024 * 1024
_COMPRESSED: Final = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z",
}


class UnclearFile(DomainError):
    """Parts of the file are not understood, or amounts do not add up to what it says of itself. Nothing was posted.

    A preview lists them: `POST …/imports/preview`. Mend the file, or ask for the rest of it with `partial=true`.
    """

    code = "unclear-file"
    kind = ErrorKind.INVALID
    title = "The file is not clear"


@dataclass(slots=True)
class ReadFile:
    """What was found in a file; its transactions are lines elsewhere, and only counted here."""

    assets: dict[str, FoundAsset] = field(default_factory=dict)
    accounts: dict[str, FoundAccount] = field(default_factory=dict)
    transactions: int = 0
    unreadable: Listed[Unreadable] = field(default_factory=Listed)
    failed_checks: Listed[FailedCheck] = field(default_factory=Listed)
    remarks: Listed[Remark] = field(default_factory=Listed)

    @property
    def is_clear(self) -> bool:
        """Whether all of the file is understood, and bears itself out."""
        return not self.unreadable.total and not self.failed_checks.total

    def require_clear(self) -> None:
        """Return if it is clear. Raises `UnclearFile`."""
        unreadable, failed = self.unreadable, self.failed_checks
        if self.is_clear:
            return
        first: list[Unreadable | FailedCheck] = [*unreadable.first, *failed.first]
        shown = " ".join([f"{each.place}: {each.detail}" for each in first[:_SHOWN_MAX]])
        raise UnclearFile(
            f"{unreadable.total:,} parts of the file are not understood, and {failed.total:,} of its checks fail; "
            f"nothing was posted. {shown}"
        )

    def take(self, found: Found) -> None:
        """Count what was found, and keep it where it is no transaction."""
        match found:
            case FoundTransaction():
                self.transactions += 1
            case FoundAccount():
                self._take_account(found)
            case FoundAsset():
                self._take_asset(found)
            case Unreadable():
                self.unreadable.add(found)
            case FailedCheck():
                self.failed_checks.add(found)
            case Remark():
                self.remarks.add(found)

    def _take_account(self, found: FoundAccount) -> None:
        # A file may use an account before it declares it: what either of them says of it stays.
        known = self.accounts.get(found.path, found)
        self.accounts[found.path] = replace(
            known, type=found.type or known.type, metadata={**known.metadata, **found.metadata}
        )

    def _take_asset(self, found: FoundAsset) -> None:
        standard, known = standard_asset(found.code), self.assets.get(found.code)
        scale = max(found.scale, 0 if standard is None else standard.scale, 0 if known is None else known.scale)
        self.assets[found.code] = FoundAsset(found.place if known is None else known.place, found.code, scale)


Progress = Callable[[int, int], None]
"""Told how much is done, of how much."""


def untold(done: int, total: int) -> None:
    """Tell nobody how far it is."""


async def read_foreign_file(
    reader: ForeignFile, file: IO[bytes], lines: IO[bytes], progress: Progress = untold
) -> ReadFile:
    """Read a file in a thread, write its transactions as lines, and return what else was found.

    Progress is told in bytes.

    Raises `ValidationFailed` for a file in which there is nothing, which is compressed, or of which more would be kept
    than there is in it.
    """
    _require_plain(file)
    read = ReadFile()
    size = file.seek(0, SEEK_END)
    bytes_max = max(_LINES_BYTES_MIN, _LINES_TIMES_MAX * size)
    file.seek(0)
    found = reader.read(file)
    while await asyncio.to_thread(_take_some, found, read, lines, bytes_max):
        progress(file.tell(), size)
    progress(size, size)
    if not (read.transactions or read.accounts or read.assets or read.unreadable.total or read.failed_checks.total):
        raise ValidationFailed("There is nothing in the file that could be imported.")
    return read


def _take_some(found: Iterator[Found], read: ReadFile, lines: IO[bytes], bytes_max: int) -> bool:
    """Take what comes next, and return whether there may be more."""
    count, length = 0, lines.tell()
    for each in islice(found, _FOUND_PER_TURN):
        count += 1
        if not isinstance(each, FoundTransaction):
            read.take(each)
            continue
        line = transaction_line(each)
        if len(line) > LINE_BYTES_MAX:
            read.take(Unreadable(each.place, f"It comes to more than {LINE_BYTES_MAX:,} bytes: no transaction does."))
            continue
        length += len(line)
        if length > bytes_max:
            raise ValidationFailed(
                f"Up to {each.place}, the file comes to more than {_LINES_TIMES_MAX} times its own size: import it in "
                "parts, with shorter names."
            )
        read.take(each)
        lines.write(line)
    return count == _FOUND_PER_TURN


def _require_plain(file: IO[bytes]) -> None:
    beginning = file.read(8)
    file.seek(0)
    for magic, program in _COMPRESSED.items():
        if beginning.startswith(magic):
            raise ValidationFailed(f"The file is compressed by {program}: send what is in it.")
