"""XML of any length in constant memory, without anything that XML could do harm by."""

from collections.abc import Iterator
from typing import IO, Any, Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler, ErrorHandler

from defusedxml import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

_CHUNK_BYTES: Final = 64 * 1024
# A tag, a comment, a declaration: what the parser holds until its end.
_MARKUP_BYTES_MAX: Final = 1024 * 1024
_DEPTH_MAX: Final = 64
# Of one part: a batch of some ten thousand payments.
_PIECES_MAX: Final = 500_000
_CHARACTERS_MAX: Final = 16 * 1024 * 1024


class NotXml(ValueError):
    """The file is no XML from here on, or XML that is not accepted."""

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(detail)
        self.place = place
        self.detail = detail


class XmlParts:
    """Reads the parts of a file, each as an element with all that is in it, and forgets it when it was taken.

    A part is an element whose parent has one of the names `within`. Names are without namespaces: they are different
    in each version of a format, whose parts are the same.
    """

    def __init__(self, within: frozenset[str]) -> None:
        self._handler = _Handler(within)

    def read(self, file: IO[bytes]) -> Iterator[tuple[int, str, Element | None]]:
        """Yield line, name and element of each part; the element is None at the beginning of one of `within`.

        Where one of `within` ends, its name has a `/` before it. Raises `NotXml`.
        """
        handler, silent = self._handler, 0
        parser = DefusedExpatParser(forbid_dtd=True)
        # It is a locator, too, and tells no handler so when it is fed.
        handler.setDocumentLocator(parser)
        parser.setContentHandler(handler)
        parser.setErrorHandler(ErrorHandler())
        wrong: NotXml | None = None
        while wrong is None and (chunk := file.read(_CHUNK_BYTES)):
            before = handler.events
            wrong = _wrong_with(parser, handler, chunk)
            silent = silent + len(chunk) if handler.events == before else 0
            if silent > _MARKUP_BYTES_MAX:
                wrong = NotXml(handler.place, "A tag or a comment is longer than any is.")
            yield from handler.taken()
        wrong = wrong or _wrong_with(parser, handler, None)
        yield from handler.taken()
        if wrong is not None:
            raise wrong


def _wrong_with(parser: Any, handler: "_Handler", chunk: bytes | None) -> NotXml | None:
    """Give the parser what comes next, or the end; return why it goes no further, or None."""
    try:
        if chunk is None:
            parser.close()
        else:
            parser.feed(chunk)
    except NotXml as wrong:
        return wrong
    except DefusedXmlException:
        return NotXml(handler.place, "Document types, and entities of a file's own, are not accepted.")
    except SAXParseException as wrong:
        return NotXml(f"line {wrong.getLineNumber()}", f"The XML is broken here: {wrong.getMessage()}.")
    except (SAXException, LookupError, ValueError) as wrong:
        return NotXml(handler.place, f"The XML is broken here: {str(wrong)[:200]}.")
    return None


class _Handler(ContentHandler):
    def __init__(self, within: frozenset[str]) -> None:
        super().__init__()
        self.events = 0
        self._within = within
        self._path: list[str] = []
        self._taken: list[tuple[int, str, Element | None]] = []
        self._builder: TreeBuilder | None = None
        self._base = self._pieces = self._characters = self._line = 0
        self._locator: Any = None

    @property
    def place(self) -> str:
        return f"line {self._locator.getLineNumber()}" if self._locator is not None else "line 1"

    def taken(self) -> list[tuple[int, str, Element | None]]:
        taken, self._taken = self._taken, []
        return taken

    def setDocumentLocator(self, locator: Any) -> None:  # noqa: N802 # SAX calls it so
        self._locator = locator

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802 # SAX calls it so
        self.events += 1
        local = name.rpartition(":")[2]
        if len(self._path) >= _DEPTH_MAX:
            raise NotXml(self.place, "There are more elements within elements than any statement has.")
        if self._builder is None and self._path and self._path[-1] in self._within and local not in self._within:
            self._builder, self._base = TreeBuilder(), len(self._path)
            self._pieces = self._characters = 0
            self._line = self._locator.getLineNumber()
        elif self._builder is None and local in self._within:
            self._taken.append((self._locator.getLineNumber(), local, None))
        self._path.append(local)
        if self._builder is not None:
            self._pieces += 1
            if self._pieces > _PIECES_MAX:
                raise NotXml(self.place, "One entry has more parts than any has.")
            self._builder.start(local, {key.rpartition(":")[2]: value for key, value in attrs.items()})

    def characters(self, content: str) -> None:
        self.events += 1
        if self._builder is not None:
            self._characters += len(content)
            if self._characters > _CHARACTERS_MAX:
                raise NotXml(self.place, "One entry has more text than any has.")
            self._builder.data(content)

    def endElement(self, name: str) -> None:  # noqa: N802 # SAX calls it so
        self.events += 1
        local = self._path.pop()
        if self._builder is None:
            if local in self._within:
                self._taken.append((self._locator.getLineNumber(), f"/{local}", None))
            return
        self._builder.end(local)
        if len(self._path) == self._base:
            self._taken.append((self._line, local, self._builder.close()))
            self._builder = None
