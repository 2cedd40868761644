"""Rows of attachments: one for each that was added, marked where it was removed."""

from datetime import datetime
from typing import Any, Final

from adapters.postgres.ids import stored_id
from adapters.postgres.ledger.late_entries import empty_columns
from adapters.postgres.work import DriverConnection
from domain.ledger.events import AttachmentAdded, AttachmentRemoved

PREFIX: Final = "att"

_INSERT = """
INSERT INTO attachments (organisation_id, ledger_id, sequence, id, subject_kind, subject, name, media_type, size,
                         sha256, added_at)
SELECT $1, $2, sequence, id, subject_kind, subject, name, media_type, size, sha256, added_at
FROM unnest($3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bytea[],
            $11::timestamptz[])
    AS rows (sequence, id, subject_kind, subject, name, media_type, size, sha256, added_at)
"""
_REMOVE = """
UPDATE attachments SET removed_at = rows.removed_at, reason = rows.reason
FROM unnest($2::uuid[], $3::timestamptz[], $4::text[]) AS rows (id, removed_at, reason)
WHERE ledger_id = $1 AND attachments.id = rows.id
"""
# Whoever tidies looks whether the file is attached to anything else; not before whoever attaches it again has done so.
LOOK_AT_FILES: Final = """
UPDATE files SET check_at = greatest(check_at, $3) WHERE organisation_id = $1 AND sha256 = ANY ($2::bytea[])
"""


class AttachmentRows:
    """What a group adds and removes."""

    def __init__(self) -> None:
        self._added = empty_columns(9)
        self._removed = empty_columns(3)

    def add(self, sequence: int, event: AttachmentAdded | AttachmentRemoved, at: datetime) -> None:
        """Take in an event of that sequence."""
        row: tuple[Any, ...]
        if isinstance(event, AttachmentRemoved):
            row, columns = (stored_id(PREFIX, event.id), at, event.reason), self._removed
        else:
            added = event.attachment
            of_subject = (added.subject.kind.value, added.subject.id)
            content = (added.name, added.media_type, added.size, added.sha256)
            row, columns = (sequence, stored_id(PREFIX, added.id), *of_subject, *content, at), self._added
        for column, value in zip(columns, row, strict=True):
            column.append(value)

    async def write(self, connection: DriverConnection, organisation_id: int, ledger_id: int) -> None:
        """Write the rows, each kind by one statement or none."""
        if self._added[0]:
            await connection.execute(_INSERT, organisation_id, ledger_id, *self._added)
        if self._removed[0]:
            await connection.execute(_REMOVE, ledger_id, *self._removed)
