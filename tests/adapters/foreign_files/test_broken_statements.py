"""Files of statements that are damaged, or made to do harm: never an exception, and never a wrong transaction."""

import io
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.interchange.found import FoundTransaction, Unreadable
from domain.ledger.asset import checked_asset_code
from domain.ledger.posting import checked_description
from domain.ledger.transaction import REFERENCE_LENGTH_MAX
from domain.shared.text import checked_metadata, checked_name
from tests.adapters.foreign_files.statement_samples import (
    ACCOUNT,
    CAMT,
    FILES,
    OFX,
    READERS,
    camt,
    camt_entry,
    of_kind,
    options_of,
    read,
    transactions,
)

NAMES = sorted(FILES)
# What means something in one of the formats, and what means something to machines.
PIECES = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [
            *(b"<", b">", b"</", b"&", b"&#0;", b"&#xD800;", b"&lt;", b"<![CDATA[", b"<!DOCTYPE a [", b"<?xml", b"\0"),
            *(
                b"\r",
                b"\n",
                b'"',
                b";",
                b",",
                b":61:",
                b":86:",
                b":20:",
                b":60F:",
                b":62F:",
                b"{4:",
                b"-}",
                b"?20",
                b"//",
            ),
            *(b"9" * 30, b"-", b"\xe2\x88\x92", b"(", b")", b"\xff\xfe", b"\xef\xbb\xbf", b"\xd9\xa3", b"<STMTTRN>"),
            *(b"</STMTRS>", b"<Ntry>", b"</Stmt>", b"<Document>", b"CHARSET:idna", b"0000", b"00000000", b"EUR"),
        ]
    ),
)
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), PIECES), min_size=1, max_size=5)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None)
@given(changes=CHANGES, end=st.one_of(st.just(1.0), st.floats(0, 1)))
def test_a_damaged_file_is_read_without_an_exception_into_what_could_be_posted(
    name: str, changes: list[tuple[float, int, bytes]], end: float
) -> None:
    file = FILES[name]
    for where, removed, inserted in changes:
        at = int(where * len(file))
        file = file[:at] + inserted + file[at + removed :]
    _assert_can_be_posted(name, file[: int(end * len(file))])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50, deadline=None)
@given(
    content=st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    )
)
def test_any_bytes_are_read_without_an_exception(name: str, content: bytes) -> None:
    _assert_can_be_posted(name, content)


def _assert_can_be_posted(name: str, content: bytes) -> None:
    found = transactions(read(name, content))
    for each in found:
        checked_name(each.reference, what="It", length_max=REFERENCE_LENGTH_MAX)
        checked_description(each.description)
        checked_metadata(each.metadata)
        assert sum((entry.amount for entry in each.entries), Decimal()) == 0
        for entry in each.entries:
            checked_asset_code(entry.asset)
            assert entry.amount
    assert len({each.reference for each in found}) == len(found)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "declaration",
    [
        f'<!DOCTYPE Document [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE Document [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Document SYSTEM "http://127.0.0.1:9/statement.dtd">',
        '<!DOCTYPE Document [<!ENTITY % l9 SYSTEM "http://127.0.0.1:9/x"> %l9;]>',
    ],
)
def test_entities_of_a_files_own_are_refused_before_anything_is_made_of_them(declaration: str) -> None:
    entry = camt_entry(amount="5.00", mark="CRDT", day="2026-10-01", reference="B", party="&l9;", purpose="x")
    head, body = camt(entry).split("\n", 1)
    found = read("camt053", f"{head}\n{declaration}\n{body}")
    assert [detail for _, detail in of_kind(found, Unreadable)] == [
        "Document types, and entities of a file's own, are not accepted."
    ]
    assert len(found) == 1

    found = read("ofx", '<?xml version="1.0"?>' + declaration + OFX[OFX.index("<OFX>") :])
    assert [type(each) for each in found] == [Unreadable]


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_after_a_broken_line_is_read(name: str) -> None:
    broken = {
        "mt940": (b"D3,20NMSCNONREF//B-1002", b"D3.20NMSCNONREF//B-1002"),
        "ofx": (b"-3.20\n<FITID>B-1002", b"3/20\n<FITID>B-1002"),
        "camt053": (b'<Amt Ccy="EUR">3.20', b'<Amt Ccy="EUR">three'),
        "csv": (b"-3,20;EUR;146,80", b"three;EUR;146,80"),
    }[name]
    found = read(name, FILES[name].replace(*broken, 1))
    assert [place for place, _ in of_kind(found, Unreadable)] == [
        {"mt940": "line 9", "ofx": "line 25", "camt053": "line 15", "csv": "line 6"}[name]
    ]
    assert [each.entries[0].amount for each in transactions(found)] == [Decimal(-850), Decimal("-3.20"), Decimal(2400)]


class _Endless(io.RawIOBase):
    """A file of any length that is made while it is read, and that can be read again."""

    def __init__(self, head: bytes, piece: bytes, times: int, tail: bytes) -> None:
        self._parts = (head, piece, times, tail)
        self._made = self._make()
        self._rest = b""
        self._at = 0

    def _make(self) -> Iterator[bytes]:
        head, piece, times, tail = self._parts
        yield head
        for _ in range(times // 1000):
            yield piece * 1000
        yield tail

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 1 and not offset:
            return self._at
        assert offset == whence == 0, "only its beginning is known"
        self._made, self._rest, self._at = self._make(), b"", 0
        return 0

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # that is what io hands over
        if not self._rest:
            self._rest = next(self._made, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self._at += count
        return count


def _peak_of(name: str, head: str, piece: str, times: int, tail: str) -> tuple[int, int, int]:
    """Read such a file; return the most memory in bytes that was in use, transactions, and unreadable parts."""
    file = io.BufferedReader(_Endless(head.encode(), piece.encode(), times, tail.encode()))
    counts = {FoundTransaction: 0, Unreadable: 0}
    tracemalloc.start()
    try:
        for each in READERS[name](options_of(name), "UTC").read(file):
            if type(each) in counts:
                counts[type(each)] += 1
        return tracemalloc.get_traced_memory()[1], counts[FoundTransaction], counts[Unreadable]
    finally:
        tracemalloc.stop()


_CAMT_HEAD = CAMT[: CAMT.index("<Bal>")]
_MT940_HEAD = ":20:X\n:25:37040044/0532013000\n:60F:C260930EUR0,00\n"
_OFX_HEAD = OFX[: OFX.index("<STMTTRN>")]
_CSV_HEAD = "Buchungstag;Empfänger;Zweck;Betrag;Währung;Saldo;Referenz\n"
MANY = {
    "camt053": (
        _CAMT_HEAD,
        '<Ntry><Amt Ccy="EUR">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-10-01</Dt></BookgDt></Ntry>\n',
        "</Stmt></BkToCstmrStmt></Document>",
    ),
    "mt940": (_MT940_HEAD, ":61:2610011001C1,00NMSCNONREF\n", ":62F:C261001EUR3000,00\n"),
    "ofx": (
        _OFX_HEAD,
        "<STMTTRN><DTPOSTED>20261001<TRNAMT>1.00<NAME>1</STMTTRN>\n",
        "</BANKTRANLIST></STMTRS></OFX>",
    ),
    "csv": (_CSV_HEAD, "01.10.2026;x;y;1,00;EUR;;\n", ""),
}


@pytest.mark.parametrize("name", NAMES)
def test_memory_does_not_grow_with_the_lines(name: str) -> None:
    head, piece, tail = MANY[name]
    peak, posted, unreadable = _peak_of(name, head, piece, 3_000, tail)
    assert (posted, unreadable) == (3_000, 0)
    assert peak < 2 * 1024 * 1024


@pytest.mark.parametrize(
    ("name", "head", "piece", "tail"),
    [
        ("mt940", _MT940_HEAD + ":61:2610011001C1,00NMSCNONREF\n:86:", "x" * 60 + "\n", ""),
        ("mt940", _MT940_HEAD + ":86:", "x" * 60, ""),
        ("ofx", _OFX_HEAD + "<STMTTRN><NAME>", "x" * 60, ""),
        ("ofx", _OFX_HEAD + "<STMTTRN><", "x" * 60, ""),
        ("ofx", _OFX_HEAD, "<STMTTRNP><A>x", ""),
        ("camt053", _CAMT_HEAD + "<Ntry><", "x" * 60, ""),
        ("camt053", _CAMT_HEAD + "<Ntry><AddtlNtryInf>", "x" * 600, ""),
        ("camt053", _CAMT_HEAD, "<A>", ""),
        ("csv", _CSV_HEAD + '01.10.2026;"', "x" * 60 + "\n", ""),
        ("csv", _CSV_HEAD + '01.10.2026;"', "x" * 60, ""),
        ("csv", _CSV_HEAD + "01.10.2026", ';"\n"', ""),
    ],
)
def test_what_never_ends_is_given_up_in_bounded_memory(name: str, head: str, piece: str, tail: str) -> None:
    times = 6_000 if name == "csv" else 60_000  # a table is read several times
    peak, posted, unreadable = _peak_of(name, head, piece, times, tail)
    assert posted == 0
    assert unreadable >= 1
    assert peak < 40 * 1024 * 1024


def test_more_currencies_than_there_can_be_are_given_up() -> None:
    rows = "".join(f"01.10.2026;x;y;1,00;X{number};;\n" for number in range(1_002))
    found = read("csv", _CSV_HEAD + rows)
    assert len(transactions(found)) == 1_000
    assert [place for place, _ in of_kind(found, Unreadable)] == ["line 1002", "line 1003"]


def test_lines_whose_dates_are_before_all_time_are_unreadable() -> None:
    entry = camt_entry(amount="5.00", mark="CRDT", day="0001-01-01", reference="B", party="", purpose="x")
    found = read("camt053", camt(entry), ACCOUNT, zone="Europe/Berlin")
    assert transactions(found) == []
    assert "before all time" in of_kind(found, Unreadable)[0][1]
