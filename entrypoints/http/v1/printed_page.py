"""A page to print: one file that needs nothing else, with tables that a reader of screens finds its way in."""

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from application.interchange.report_tables import Table

STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;color:#111;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.5rem;margin:0}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:0 1rem;margin:.5rem 0 2rem;color:#444}dd{margin:0}"
    "table{border-collapse:collapse;width:100%;margin:0 0 2rem}"
    "caption{text-align:left;font-weight:600;font-size:1.15rem;padding:.3rem 0}"
    "th,td{padding:.15rem .6rem .15rem 0;text-align:left;vertical-align:top;font-weight:400;overflow-wrap:anywhere}"
    "thead th{border-bottom:1px solid #111;font-weight:600}"
    "tfoot th,tfoot td{border-top:1px solid #111;font-weight:600}"
    "th.amount,td.amount{text-align:right;white-space:nowrap;overflow-wrap:normal;font-variant-numeric:tabular-nums}"
    "@page{margin:15mm}"
    "@media print{body{font-size:9pt;margin:0;padding:0;max-width:none}thead{display:table-header-group}"
    "tfoot{display:table-row-group}tr{break-inside:avoid}caption{break-after:avoid}}"
)


@dataclass(frozen=True, slots=True)
class Page:
    """A title, what the page is about by name, and its tables. Nothing in it is HTML yet."""

    title: str
    facts: Sequence[tuple[str, str]]
    tables: Iterable[Table]


def page_parts(page: Page) -> Iterator[str]:
    """Yield the page's HTML, a row at a time."""
    title = html.escape(page.title)
    facts = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(fact)}</dd>" for name, fact in page.facts)
    yield (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{title} · Partita</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<dl>{facts}</dl>\n"
    )
    is_empty = True
    for table in page.tables:
        is_empty = False
        yield from _table_parts(table)
    if is_empty:
        yield "<p>Nothing was posted.</p>\n"
    yield "</body>\n</html>\n"


def _table_parts(table: Table) -> Iterator[str]:
    texts = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in table.texts)
    amounts = "".join(f'<th scope="col" class="amount">{html.escape(head)}</th>' for head in table.amounts)
    caption = html.escape(table.caption)
    yield f"<table>\n<caption>{caption}</caption>\n<thead><tr>{texts}{amounts}</tr></thead>\n<tbody>\n"
    for row in table.rows:
        yield _row(row, len(table.texts))
    yield "</tbody>\n<tfoot>\n"
    for row in table.totals:
        yield _row(row, len(table.texts))
    yield "</tfoot>\n</table>\n"


def _row(row: Sequence[str], texts: int) -> str:
    cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:texts])
    amounts = "".join(f'<td class="amount">{html.escape(cell)}</td>' for cell in row[texts:])
    return f'<tr><th scope="row">{html.escape(row[0])}</th>{cells}{amounts}</tr>\n'
