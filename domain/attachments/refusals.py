"""What is refused of files."""

from domain.shared.errors import DomainError, ErrorKind


class FileTooLarge(DomainError):
    """The file is longer than this server takes; whoever runs it says how long one may be, in `PARTITA_FILE_BYTES_MAX`.

    Nothing of it was kept.
    """

    code = "file-too-large"
    kind = ErrorKind.MALFORMED
    title = "The file is too large"


class DigestMismatch(DomainError):
    """What arrived is not what was sent, by the SHA-256 that came with it. Nothing of it was kept; send it again."""

    code = "digest-mismatch"
    kind = ErrorKind.INVALID
    title = "The file arrived damaged"


class FileRefused(DomainError):
    """The scanner of this server found something in the file that must not be stored. Nothing of it was kept."""

    code = "file-refused"
    kind = ErrorKind.INVALID
    title = "The file was refused"


class AttachmentGone(DomainError):
    """The attachment was removed: the log still tells of it, and its content cannot be had any more."""

    code = "attachment-removed"
    kind = ErrorKind.NOT_FOUND
    title = "The attachment was removed"


class UploadNotFound(DomainError):
    """There is no such upload, its time is over, it was used already, or nothing was sent to its URL."""

    code = "upload-not-found"
    kind = ErrorKind.REFUSED
    title = "No such upload"


class DirectTransferUnavailable(DomainError):
    """The store of this server gives no URLs to send files to or to fetch them from: send and fetch them here."""

    code = "direct-transfer-unavailable"
    kind = ErrorKind.REFUSED
    title = "No direct transfers"


class FilesUnavailable(DomainError):
    """Where files are kept cannot be reached, or takes no more. Try again: nothing was attached."""

    code = "files-unavailable"
    kind = ErrorKind.UNAVAILABLE
    title = "Files cannot be reached"


class RangeNotSatisfiable(DomainError):
    """The file does not reach to where the range that was asked for begins. `Content-Range` says how long it is."""

    code = "range-not-satisfiable"
    kind = ErrorKind.MALFORMED
    title = "Beyond the end of the file"

    def __init__(self, detail: str, size: int) -> None:
        """`size` is how many bytes the file has."""
        super().__init__(detail)
        self.size = size
