"""Taking files in: from a request, or from where a client has sent them directly."""

import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from application.attachments.concerned import of_attachment, of_subject
from application.attachments.ports import DirectTransfers, Files, FileStore, Scanner, StoredFile
from application.attachments.received import Bounds, Received
from application.ledger.attach import AddAttachment
from application.ledger.attachment_reader import AttachmentView
from application.ledger.journal import Journal
from application.ledger.ports import Outcome
from application.ledger.readers import LedgerChanges, LedgerReads
from application.shared.idempotency import IdempotencyKey
from application.shared.ports import Clock, CommitInDoubt, Ids, StoreUnavailable, Work
from domain.attachments.refusals import FileRefused, FilesUnavailable, UploadNotFound
from domain.ledger.attachment import Attachment, Subject
from domain.shared.access import Permission, Principal

# Longer than the slowest upload.
UPLOADS_KEPT: Final = timedelta(days=1)
# Within it, a file that was taken in is attached, or is not going to be.
ATTACHED_WITHIN: Final = timedelta(hours=1)
DIRECT_UPLOAD_LIFETIME: Final = timedelta(hours=1)
_UPLOAD: Final = "upl"

KeyOf = Callable[[bytes], IdempotencyKey | None]
"""How an idempotency key is made of the SHA-256 of what arrived: the same key is for the same content."""

_log = logging.getLogger("partita.attachments")


@dataclass(frozen=True, slots=True)
class FileDraft:
    """A file that someone wants to attach: its name and media type, checked, and the SHA-256 it says it has."""

    subject: Subject
    name: str
    media_type: str
    sha256: bytes | None = None


@dataclass(frozen=True, slots=True)
class DirectUpload:
    """Where a client may send a file to: the upload's id, the URL to PUT it to, and for how many seconds."""

    id: str
    url: str
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Call:
    """Who wants it, in which ledger and request, with which key; in a dry run nothing is kept."""

    principal: Principal
    slug: str
    request_id: str
    key_of: KeyOf = lambda _: None
    is_dry_run: bool = False


class Attaching:
    """Takes contents into the store, and then into the books."""

    def __init__(
        self,
        ledgers: Work[LedgerReads, LedgerChanges],
        journal: Journal,
        files: Files,
        store: FileStore,
        transfers: DirectTransfers,
        scanner: Scanner | None,
        clock: Clock,
        ids: Ids,
        *,
        bytes_max: int,
    ) -> None:
        """`bytes_max` is how long a file may be."""
        self._ledgers = ledgers
        self._journal = journal
        self._files = files
        self._store = store
        self._transfers = transfers
        self._scanner = scanner
        self._clock = clock
        self._ids = ids
        self._bytes_max = bytes_max

    async def attach(
        self, call: Call, draft: FileDraft, content: AsyncIterable[bytes], *, length: int | None = None
    ) -> Outcome:
        """Take the content in and attach it. Whatever goes wrong, nothing of it is left.

        `length` is how long it says it is, in bytes. Raises `FileTooLarge`, `QuotaExceeded`, `DigestMismatch`,
        `FileRefused`, `FilesUnavailable`, and what the journal and the content raise.
        """
        await self.require_subject(call, draft.subject)
        async with self._announced(call.principal.organisation_id) as (place, bounds):
            bounds.require(length or 0)
            received = Received(content, bounds)
            await self._store.write(place, received)
            return await self._settle(call, draft, received, place)

    async def offer(self, principal: Principal, slug: str) -> DirectUpload:
        """Return where a client may send a file to, which may then be attached to anything of the ledger.

        Raises `DirectTransferUnavailable`, `PermissionDenied` (also where only some accounts are allowed), `NotFound`.
        """
        principal.reach_of_writing(Permission.ATTACHMENTS_ADD, slug)
        async with self._ledgers.read(principal, Permission.ATTACHMENTS_ADD, ledger=slug) as reads:
            await reads.ledgers.ledger(slug)
        id = self._ids.new(_UPLOAD)
        url = await self._transfers.upload_url(id, DIRECT_UPLOAD_LIFETIME)
        await self._files.announce(principal.organisation_id, id, self._clock.now() + UPLOADS_KEPT)
        return DirectUpload(id, url, DIRECT_UPLOAD_LIFETIME)

    async def attach_upload(self, call: Call, draft: FileDraft, upload: str) -> Outcome:
        """Attach what was sent directly. Raises as `attach` does, and `UploadNotFound`.

        It is copied, as the URL that it was sent to is still good: what is hashed is what nobody can change any more.
        What was sent stays until it is due, so that the same request may be sent again.
        """
        organisation_id = call.principal.organisation_id
        call.principal.reach_of_writing(Permission.ATTACHMENTS_ADD, call.slug)
        is_ours = upload.startswith(f"{_UPLOAD}_") and await self._files.has_announced(
            organisation_id, upload, self._clock.now()
        )
        size = await self._transfers.sent(upload) if is_ours else None
        if size is None:
            raise UploadNotFound(f"There is no upload {upload[:100]!a}, or nothing was sent to it.")
        return await self.attach(call, draft, self._store.read(upload, 0, size), length=size)

    async def require_subject(self, call: Call, subject: Subject) -> None:
        """Return if the subject is there and may have files attached; before anything is taken in for it.

        Raises `PermissionDenied`, `QuotaExceeded`, `NotFound`, `StoreUnavailable`.
        """
        call.principal.reach_of_writing(Permission.ATTACHMENTS_ADD, call.slug)
        concerned = of_subject(call.slug, subject)
        async with self._ledgers.read(
            call.principal, Permission.ATTACHMENTS_ADD, ledger=call.slug, concerning=concerned
        ) as reads:
            await concerned(reads)

    async def view_to_remove(self, principal: Principal, slug: str, id: str) -> AttachmentView:
        """Return an attachment to who may remove it. Raises `PermissionDenied`, `NotFound`, `StoreUnavailable`."""
        async with self._ledgers.read(
            principal, Permission.ATTACHMENTS_REMOVE, ledger=slug, concerning=of_attachment(slug, id)
        ) as reads:
            return await reads.attachments.attachment(slug, id)

    @asynccontextmanager
    async def _announced(self, organisation_id: int) -> AsyncIterator[tuple[str, Bounds]]:
        """Give a place to write to; erase it afterwards, unless it has become a file."""
        place = self._ids.new("fil")
        room = await self._files.announce(organisation_id, place, self._clock.now() + UPLOADS_KEPT)
        try:
            yield place, Bounds(self._bytes_max, room)
        finally:
            if await self._is_loose(organisation_id, place):
                await self._erase(organisation_id, place)

    async def _settle(self, call: Call, draft: FileDraft, received: Received, place: str) -> Outcome:
        """Look at what has arrived in the place, and attach it."""
        received.require(draft.sha256)
        await self._scan(place, received.size)
        attachment = Attachment(
            self._ids.new("att"), draft.subject, draft.name, draft.media_type, received.size, received.sha256
        )
        command = AddAttachment(attachment)
        if call.is_dry_run:
            return await self._journal.try_out(call.principal, call.slug, command)
        key = call.key_of(received.sha256)
        now = self._clock.now()
        file = StoredFile(received.sha256, received.size, place)
        await self._files.keep(call.principal.organisation_id, file, now, now + ATTACHED_WITHIN)
        return await self._journal.submit(call.principal, call.slug, command, request_id=call.request_id, key=key)

    async def _scan(self, place: str, size: int) -> None:
        if self._scanner is None:
            return
        try:
            # It need not read to the end.
            async with aclosing(self._store.read(place, 0, size)) as content:
                finding = await self._scanner.finding(content)
        except Exception as error:
            _log.exception("a file could not be scanned")
            raise FilesUnavailable("The file could not be looked into, and is not kept. Try again.") from error
        if finding is not None:
            _log.warning("a file was refused: %s", finding)
            raise FileRefused(f"The scanner found something in the file: {finding[:200]}.")

    async def _is_loose(self, organisation_id: int, place: str) -> bool:
        try:
            return await self._files.has_announced(organisation_id, place, self._clock.now())
        except StoreUnavailable:
            return False  # it is erased when it is due

    async def _erase(self, organisation_id: int, place: str) -> None:
        """Erase a place now; where that cannot be done, it is done when it is due."""
        try:
            await self._store.erase(place)
            await self._files.withdraw(organisation_id, place)
        except (FilesUnavailable, StoreUnavailable, CommitInDoubt) as error:
            _log.warning("what is left of an upload is erased later: %s", error)
