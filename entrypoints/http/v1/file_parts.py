"""What is uploaded: a body that is the file, or a form whose only part is; and what is said of it beside."""

import base64
import binascii
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import TYPE_CHECKING, Any, Final

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from domain.attachments.file_name import DEFAULT_NAME, checked_file_name, checked_media_type
from domain.shared.access import Permission, Principal
from domain.shared.errors import ValidationFailed
from entrypoints.http.lasting import LastingPrincipal
from entrypoints.http.reading import header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FORM: Final = "multipart/form-data"
# RFC 9530: `Repr-Digest` and `Content-Digest` are the same here, as no content encoding is taken.
DIGESTS: Final = ("repr-digest", "content-digest")
_PART_HEADERS_MAX: Final = 8 * 1024
_SHA256 = re.compile(r"(?:^|,)[ \t]*sha-256=:([A-Za-z0-9+/=]{44}):[ \t]*(?=,|;|$)")


@dataclass(slots=True)
class Incoming:
    """A file on its way in: what is said of it, and its bytes. `length` is how many these say to be."""

    name: str
    media_type: str
    sha256: bytes | None
    content: AsyncIterator[bytes]
    length: int | None = None


async def incoming(request: Request, name: str | None) -> Incoming:
    """Return the file that a request brings; of a form, when all that stands before the file has been read.

    `name` is what it is to be called, where that does not stand beside it. Raises `ValidationFailed`.
    """
    if "content-encoding" in request.headers:
        raise ValidationFailed("A file is taken as it is: leave Content-Encoding out.")
    content_type = header(request, b"content-type")
    kind, options = parse_options_header(content_type)
    if kind == FORM.encode():
        if any(digest in request.headers for digest in DIGESTS):
            raise ValidationFailed("Send the digest among the headers of the part that is the file.")
        return await _Form(options.get(b"boundary", b""), request.stream(), name).file()
    stated = header(request, b"content-length")
    return Incoming(
        checked_file_name(name or _name_of(_disposition(request)) or DEFAULT_NAME),
        checked_media_type(content_type),
        stated_sha256({each: request.headers[each] for each in DIGESTS if each in request.headers}),
        request.stream(),
        int(stated) if stated is not None and stated.isdecimal() else None,
    )


def stated_sha256(headers: dict[str, str]) -> bytes | None:
    """Return the SHA-256 that the digest fields say. Raises `ValidationFailed` where they say none that can be read."""
    found: set[bytes] = set()
    for name, value in headers.items():
        match = _SHA256.search(value)
        try:
            digest = base64.b64decode(match[1], validate=True) if match else b""
        except binascii.Error:
            digest = b""
        if len(digest) != 32:
            raise ValidationFailed(f"{name} is checked by its SHA-256, which looks like sha-256=:…:, in Base64.")
        found.add(digest)
    if len(found) > 1:
        raise ValidationFailed("Two digests of the file are sent, which differ.")
    return next(iter(found), None)


def _name_of(disposition: str | None) -> str | None:
    """Return the name of a file that a Content-Disposition says: `filename*` (RFC 8187), or else `filename`."""
    if disposition is None:
        return None
    message = Message()
    message["Content-Disposition"] = disposition
    # A text, or what an extended one is made of, which the library's types leave out.
    parameters: Sequence[tuple[str, Any]] = message.get_params([], header="Content-Disposition")
    names = [value for parameter, value in parameters if parameter.lower() == "filename"]
    # Of both, the extended one is meant (RFC 6266, 4.3).
    names.sort(key=lambda value: isinstance(value, str))
    return collapse_rfc2231_value(names[0], errors="replace") if names else None


def _disposition(request: Request) -> str | None:
    # Names that are not ASCII come as UTF-8, whatever HTTP says of headers.
    found = header(request, b"content-disposition")
    return None if found is None else found.encode("latin-1").decode("utf-8", "replace")


@dataclass(slots=True)
class _Form:
    """A form that is read as it arrives: it has one part, and that is the file."""

    boundary: bytes
    body: AsyncIterator[bytes]
    name: str | None
    _headers: dict[str, str] = field(default_factory=dict)
    _header: list[bytes] = field(default_factory=lambda: [b"", b""])
    _headers_length: int = 0
    _parts: int = 0
    _has_begun: bool = False
    _is_complete: bool = False
    _waiting: list[bytes] = field(default_factory=list)

    async def file(self) -> Incoming:
        """Return the file, once its headers have been read. Raises `ValidationFailed`."""
        content = self._content()
        first = await anext(content)
        disposition = self._headers.get("content-disposition")
        if _name_of(disposition) is None:
            raise ValidationFailed("The part of the form has no filename: it has to be the file, and the only part.")
        return Incoming(
            checked_file_name(self.name or _name_of(disposition) or DEFAULT_NAME),
            checked_media_type(self._headers.get("content-type")),
            stated_sha256({each: self._headers[each] for each in DIGESTS if each in self._headers}),
            after(first, content),
        )

    async def _content(self) -> AsyncIterator[bytes]:
        """Yield what stands in the part, and first, when its headers have been read, what is there by then."""
        try:
            parser = MultipartParser(self.boundary, self._callbacks())
            has_yielded = False
            async for chunk in self.body:
                parser.write(chunk)
                if self._has_begun and (self._waiting or not has_yielded):
                    has_yielded = True
                    content, self._waiting = b"".join(self._waiting), []
                    yield content
        except MultipartParseError as error:
            raise ValidationFailed(f"The form cannot be read: {error}.") from None
        if not self._is_complete or not has_yielded:
            raise ValidationFailed("The form ends before its last boundary, or has no part.")

    def _callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": lambda data, start, end: self._waiting.append(data[start:end]),
            "on_end": self._complete,
        }

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > 1:
            raise ValidationFailed("The form has more than one part: attach one file at a time.")

    def _add(self, place: int, text: bytes) -> None:
        self._headers_length += len(text)
        if self._headers_length > _PART_HEADERS_MAX:
            raise ValidationFailed("The headers of the part are too long.")
        self._header[place] += text

    def _end_header(self) -> None:
        name, value = self._header
        self._headers[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")
        self._header = [b"", b""]

    def _begin_content(self) -> None:
        self._has_begun = True

    def _complete(self) -> None:
        self._is_complete = True


async def after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what was taken already, and then the rest."""
    yield first
    async for part in rest:
        yield part


async def while_allowed(
    content: AsyncIterator[bytes],
    lasting: LastingPrincipal,
    permission: Permission,
    ledger: str,
    again: Callable[[Principal], Awaitable[object]],
) -> AsyncIterator[bytes]:
    """Yield the content for as long as whoever asked may go on: asked `again` whenever that one may do other things.

    Raises `NotAuthenticated`, `PermissionDenied`, and what `again` does.
    """
    grants = lasting.last.grants
    async for part in content:
        principal = await lasting.now()
        principal.reach(permission, ledger)
        if principal.grants != grants:
            await again(principal)
            grants = principal.grants
        yield part
