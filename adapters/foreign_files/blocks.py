"""A journal's blocks: a line that begins at its margin, and the indented ones that belong to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adapters.foreign_files.text_lines import TextLine
from application.interchange.found import Unreadable

# A transaction has up to 5,000 entries, and a comment for each.
LINES_MAX: Final = 20_000
CHARACTERS_MAX: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Block:
    """A directive or a transaction: where it begins, its first line, and the others, which are indented."""

    number: int
    head: str
    body: list[TextLine]

    @property
    def place(self) -> str:
        """Return where it begins."""
        return f"line {self.number}"


def read_blocks(
    lines: Iterator[TextLine], *, comment_marks: str, comment_words: dict[str, str]
) -> Iterator[Block | Unreadable]:
    """Yield the blocks, and lines that belong to none; comments at the margin are left out.

    A comment begins with one of the marks, or with a word, and then goes on up to the line that the word stands for.
    """
    block: Block | None = None
    until: str | None = None
    # Indented lines belong to what was given up, or to nothing, which was said.
    is_lost = False
    characters = 0
    for line in lines:
        text = line.text
        if until is not None:
            if text is not None and text.strip() == until:
                until = None
            continue
        if text is None or "\0" in text:
            what = "longer than any that could be read" if text is None else "not text: it has a NUL"
            yield Unreadable(f"line {line.number}", f"The line is {what}; what it belongs to is left out.")
            block, is_lost = None, True
        elif not text or text.isspace():
            if block is not None:
                yield block
            block, is_lost = None, False
        elif text[0] in " \t":
            if block is not None:
                block.body.append(line)
                characters += len(text)
                if len(block.body) > LINES_MAX or characters > CHARACTERS_MAX:
                    yield Unreadable(block.place, f"It has more than {LINES_MAX:,} lines, or 4 million characters.")
                    block, is_lost = None, True
            elif not is_lost and text.lstrip()[0] not in comment_marks:
                yield Unreadable(f"line {line.number}", f"It belongs to nothing: {_shown(text.strip())}.")
                is_lost = True
        else:
            if block is not None:
                yield block
            block, is_lost = None, False
            if text[0] in comment_marks:
                continue
            until = comment_words.get(text.strip())
            if until is None:
                block, characters = Block(line.number, text, []), len(text)
    if block is not None:
        yield block


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "…")
