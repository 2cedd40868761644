"""Giving files out."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from application.attachments.concerned import of_attachment, of_subject
from application.attachments.ports import DirectTransfers, Files, FileStore, StoredFile
from application.ledger.attachment_reader import AttachmentView
from application.ledger.readers import LedgerChanges, LedgerReads
from application.shared.pagination import Page, PageRequest
from application.shared.ports import Work
from domain.attachments.refusals import AttachmentGone, FilesUnavailable
from domain.ledger.attachment import Subject
from domain.shared.access import Permission, Principal

DIRECT_DOWNLOAD_LIFETIME: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class DirectDownload:
    """Where a file can be fetched from, and for how long."""

    url: str
    lifetime: timedelta


class Fetching:
    """Finds attachments, and gives their contents out to who may read what they are attached to."""

    def __init__(
        self, ledgers: Work[LedgerReads, LedgerChanges], files: Files, store: FileStore, transfers: DirectTransfers
    ) -> None:
        self._ledgers = ledgers
        self._files = files
        self._store = store
        self._transfers = transfers

    async def view(self, principal: Principal, slug: str, id: str) -> AttachmentView:
        """Return an attachment. Raises `PermissionDenied`, `NotFound`, `StoreUnavailable`."""
        async with self._ledgers.read(
            principal, Permission.ATTACHMENTS_READ, ledger=slug, concerning=of_attachment(slug, id)
        ) as reads:
            return await reads.attachments.attachment(slug, id)

    async def page(self, principal: Principal, slug: str, subject: Subject, page: PageRequest) -> Page[AttachmentView]:
        """Return what is attached to the subject. Raises as `view` does."""
        concerned = of_subject(slug, subject)
        async with self._ledgers.read(
            principal, Permission.ATTACHMENTS_READ, ledger=slug, concerning=concerned
        ) as reads:
            await concerned(reads)  # there is such a thing
            return await reads.attachments.attachments(slug, subject, page)

    async def content(self, principal: Principal, slug: str, id: str) -> tuple[AttachmentView, StoredFile]:
        """Return an attachment, and the file that it is. Raises as `view` does, and `AttachmentGone`."""
        view = await self.view(principal, slug, id)
        if view.attachment.is_removed:
            raise AttachmentGone(f"The attachment {id} was removed: {view.reason}")
        file = await self._files.find(principal.organisation_id, view.attachment.sha256)
        if file is None:
            # After a restored backup, say: the log has it, and the store may have it still.
            raise FilesUnavailable(f"The content of {id} is not here. Tell whoever runs this server.")
        return view, file

    def read(self, file: StoredFile, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes of a file from `start` up to, and without, `end`. Raises `FilesUnavailable`."""
        return self._store.read(file.place, start, end)

    async def link(self, principal: Principal, slug: str, id: str) -> DirectDownload:
        """Return a URL to fetch the content from. Raises as `content` does, and `DirectTransferUnavailable`."""
        _, file = await self.content(principal, slug, id)
        return DirectDownload(
            await self._transfers.download_url(file.place, DIRECT_DOWNLOAD_LIFETIME), DIRECT_DOWNLOAD_LIFETIME
        )
