"""Files as they are served: never as anything that a browser would run, whole or from somewhere to somewhere."""

import base64
import re
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from application.attachments.ports import StoredFile
from domain.attachments.file_name import served_type
from domain.attachments.refusals import RangeNotSatisfiable
from domain.ledger.attachment import Attachment
from domain.shared.errors import VersionConflict
from entrypoints.http.reading import header
from entrypoints.http.v1.file_parts import after
from entrypoints.http.validators import NotModified, has_tag

# What is in the file may do nothing, whoever shows it.
_POLICY: Final = "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.ASCII)


def file_tag(attachment: Attachment) -> str:
    """Return the strong tag of a content: the content itself has no other."""
    return f'"sha256-{attachment.sha256.hex()}"'


async def file_answer(
    request: Request, attachment: Attachment, file: StoredFile, read: Callable[[int, int], AsyncIterator[bytes]]
) -> Response:
    """Return the file, or the range of it that is asked for; of `HEAD`, what is said of the whole file.

    Raises `NotModified` for who has it, `RangeNotSatisfiable`, `FilesUnavailable`, and
    `VersionConflict` where `If-Match` names another.
    """
    tag = file_tag(attachment)
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Repr-Digest": f"sha-256=:{base64.b64encode(attachment.sha256).decode()}:",
        "Content-Type": served_type(attachment.media_type),
        "Content-Disposition": disposition(attachment.name),
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-cache",
    }
    wanted = header(request, b"if-match")
    if wanted is not None and wanted.strip() != "*" and tag not in [each.strip() for each in wanted.split(",")]:
        raise VersionConflict(f"The content is {tag}, which If-Match does not name.")
    if has_tag(request, tag):
        raise NotModified(headers)
    if request.method == "HEAD":
        # The last byte is there only where all of it is.
        async for _ in read(max(0, file.size - 1), file.size):
            pass
        return Response(headers=headers | {"Content-Length": str(file.size)})
    found = _range(request, tag, file.size)
    start, end = found or (0, file.size)
    headers["Content-Length"] = str(end - start)
    if found:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    pieces = read(start, end)
    # Before anything is said, as what is not there cannot be told any more afterwards.
    first = await anext(pieces, b"")
    return StreamingResponse(after(first, pieces), 206 if found else 200, headers=headers)


def _range(request: Request, tag: str, size: int) -> tuple[int, int] | None:
    """Return from where up to, and without, where is asked for; None is all. Raises `RangeNotSatisfiable`.

    What is not one range of bytes is ignored, as RFC 9110 (14.2) has it, and so is one of another content. Several are
    ignored, too, as it allows: who asks for them must be able to take all of the file.
    """
    match = _RANGE.fullmatch(header(request, b"range") or "")
    condition = header(request, b"if-range")
    if match is None or match[0].endswith("=-") or (condition is not None and condition.strip() != tag):
        return None
    first, last = match[1], match[2]
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size - int(last)), size
        is_there = int(last) > 0 and size > 0
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None  # no range at all
        is_there = start < size
    if not is_there:
        raise RangeNotSatisfiable(f"The file has {size:,} bytes.", size)
    return start, end


def disposition(name: str) -> str:
    """Return the header by which a browser saves the file under its name (RFC 6266), and never shows it."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    plain = re.sub(r'["\\%]', "_", plain)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
