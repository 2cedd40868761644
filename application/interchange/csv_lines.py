"""CSV as RFC 4180 has it, safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

CSV_MEDIA_TYPE: Final = "text/csv; charset=utf-8; header=present"

# What spreadsheets take for the beginning of a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_PLAIN_AMOUNT: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)


def safe_cell(text: str) -> str:
    """Return the text with an apostrophe before it if a spreadsheet would take it for a formula; amounts stay plain."""
    return f"'{text}" if text.startswith(_FORMULA) and not _PLAIN_AMOUNT.fullmatch(text) else text


def csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield each row as a line that ends with CR LF, every cell of it safe."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
