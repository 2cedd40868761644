"""The tags of OFX, be it SGML (1.x), where values need no end, or XML (2.x)."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

# In characters. Longer tags and values are of no bank.
_PIECE_LENGTH_MAX: Final = 64 * 1024
_CHUNK_BYTES: Final = 64 * 1024
# What may hold a `<` of its own is bounded, and nothing is tried twice.
_PIECE: Final = re.compile(r"<(!\[CDATA\[[^\]]{0,2000}\]\]>|!--[^>]{0,2000}-->|[^<>]*+>)([^<]*+)(?=<)")
_NAME: Final = re.compile(r"/?[A-Za-z0-9._:-]+")
# All that there is: nothing that a file declares is ever looked at.
_ENTITIES: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_ENTITY: Final = re.compile(r"&(#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|[a-z]{1,4});")


class NotOfx(ValueError):
    """A piece of the file is neither a tag nor its value; or it is longer than any is."""

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(detail)
        self.place = place
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag in capitals, `/` before the name of an end, and the text behind it."""

    line: int
    name: str
    text: str


def tags(file: IO[bytes], encoding: str) -> Iterator[Tag]:
    """Yield the tags from the first `<` on. Raises `NotOfx` where it cannot go on."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    line, rest = 1, ""
    while chunk := file.read(_CHUNK_BYTES):
        rest += decoder.decode(chunk)
        at = 0
        for piece in _PIECE.finditer(rest):
            line += rest.count("\n", at, piece.start())
            at = piece.start()
            tag = _tag(line, piece)
            line += rest.count("\n", at, piece.end())
            at = piece.end()
            if tag is not None:
                yield tag
        rest = rest[at:]
        if len(rest) > _PIECE_LENGTH_MAX:
            raise NotOfx(f"line {line}", "There is no tag of OFX here, or it does not end.")
    last = _PIECE.match(rest.rstrip() + "<")
    if rest.strip() and (last is None or last.end() != len(rest.rstrip())):
        raise NotOfx(f"line {line}", "The file ends within a tag; it may be cut off.")
    if last is not None and (tag := _tag(line, last)) is not None:
        yield tag


def _tag(line: int, piece: re.Match[str]) -> Tag | None:
    inner, text = piece[1].removesuffix(">"), piece[2].strip()
    if inner.startswith("![CDATA["):
        # Joined to nothing: it is the value of the tag before it.
        return Tag(line, "", inner.removeprefix("![CDATA[").removesuffix("]]").strip())
    if inner.startswith(("!--", "?")):
        return None
    if inner.startswith("!"):
        raise NotOfx(f"line {line}", "Declarations, and entities of a file's own, are not accepted.")
    if inner.endswith("/"):
        return None
    name = _NAME.match(inner)
    if name is None:
        raise NotOfx(f"line {line}", f"{piece[0][:40]!r} is no tag.")
    return Tag(line, name[0].upper(), _ENTITY.sub(_character, text))


def _character(entity: re.Match[str]) -> str:
    name = entity[1]
    if not name.startswith("#"):
        return _ENTITIES.get(name, entity[0])
    code = int(f"0{name[1:]}", 16) if name[1] == "x" else int(name[1:])
    return chr(code) if code <= 0x10FFFF else entity[0]
