"""Which files are attached to what."""

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.file_tables import attachments
from adapters.postgres.ids import outward_id, stored_id
from adapters.postgres.keyset import Keyset
from adapters.postgres.ledger.readers.lookups import ledger_id_of
from application.ledger.attachment_reader import AttachmentView
from application.shared.pagination import Page, PageRequest
from domain.ledger.attachment import Attachment, Subject, SubjectKind
from domain.shared.errors import NotFound


class PostgresAttachments:
    """Reads attachments, inside one view of an organisation."""

    def __init__(self, connection: AsyncConnection, organisation_id: int) -> None:
        self._connection = connection
        self._organisation_id = organisation_id

    async def attachment(self, slug: str, id: str) -> AttachmentView:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        stored = stored_id("att", id)
        query = select(attachments).where(attachments.c.ledger_id == ledger_id, attachments.c.id == stored)
        row = None if stored is None else (await self._connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"There is no attachment {id!r} in this ledger.")
        return _view(row)

    async def attachments(self, slug: str, subject: Subject, page: PageRequest) -> Page[AttachmentView]:
        ledger_id = await ledger_id_of(self._connection, self._organisation_id, slug)
        # Recorded times never go back in a ledger, so that the order of the log is that of the times of adding.
        keyset = Keyset(({"added_at": attachments.c.sequence}[page.field],), page.is_descending)
        query = (
            select(attachments)
            .where(
                attachments.c.ledger_id == ledger_id,
                attachments.c.subject_kind == subject.kind.value,
                attachments.c.subject == subject.id,
                attachments.c.removed_at.is_(None),
                keyset.beyond(page.after),
            )
            .order_by(*keyset.order())
            .limit(page.limit + 1)
        )
        rows = (await self._connection.execute(query)).mappings().all()
        shown = rows[: page.limit]
        return Page([_view(row) for row in shown], (shown[-1]["sequence"],) if len(rows) > page.limit else None)


def _view(row: RowMapping) -> AttachmentView:
    attachment = Attachment(
        outward_id("att", row["id"]),
        Subject(SubjectKind(row["subject_kind"]), row["subject"]),
        row["name"],
        row["media_type"],
        row["size"],
        row["sha256"],
        is_removed=row["removed_at"] is not None,
    )
    return AttachmentView(attachment, row["added_at"], row["removed_at"], row["reason"])
