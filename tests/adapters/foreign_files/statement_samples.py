"""One month of one bank account, as a made-up bank writes it in each format.

1,000.00 on it; rent of 850.00; two times rolls for 3.20 on one day; a salary of 2,400.00: 2,543.60 are left.
"""

import io
from collections.abc import Mapping
from typing import Any

from adapters.foreign_files.statement_formats import camt053_file, csv_file, mt940_file, ofx_file
from application.interchange.found import Found, FoundTransaction

IBAN = "DE89370400440532013000"

MT940 = """{1:F01NORDDEFFXXXX0000000000}{2:I940NORDDEFFXXXXN}{4:
:20:OKTOBER
:25:37040044/0532013000
:28C:10/1
:60F:C260930EUR1000,00
:61:2610011001DR850,00NDDTNONREF//B-1001
:86:105?00LASTSCHRIFT?10931?20EREF+E-77?21MREF+M-7?22SVWZ+Miete Oktobe
?23r?30NORDDEFF?31DE02120300000000202051?32Hausverwaltung?33 Nord
:61:2610021002D3,20NMSCNONREF//B-1002
:86:106?00KARTENZAHLUNG?20Brötchen?32Bäckerei Müller
:61:2610021002D3,20NMSCNONREF//B-1003
:86:106?00KARTENZAHLUNG?20Brötchen?32Bäckerei Müller
:61:2610051005C2400,00NTRFNONREF//B-1004
:86:/TRTP/SALARY/NAME/Werft GmbH/REMI/Gehalt 10.2026/EREF/NOTPROVIDED
:62F:C261005EUR2543,60
-}
"""

_OFX_LINE = """<STMTTRN>
<TRNTYPE>{kind}
<DTPOSTED>{day}120000[+2:CEST]
<TRNAMT>{amount}
<FITID>{reference}
<NAME>{name}
<MEMO>{memo}
</STMTTRN>
"""

OFX = (
    """OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX>
<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261006<LANGUAGE>GER</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS>
<STMTRS><CURDEF>EUR
<BANKACCTFROM><BANKID>37040044<ACCTID>0532013000<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20261001<DTEND>20261005
"""
    + "".join(
        _OFX_LINE.format(kind=kind, day=day, amount=amount, reference=reference, name=name, memo=memo)
        for kind, day, amount, reference, name, memo in (
            ("DIRECTDEBIT", "20261001", "-850.00", "B-1001", "Hausverwaltung Nord", "Miete Oktober"),
            ("POS", "20261002", "-3.20", "B-1002", "Bäckerei Müller", "Brötchen"),
            ("POS", "20261002", "-3,20", "B-1003", "Bäckerei Müller", "Brötchen"),
            ("CREDIT", "20261005", "+2,400.00", "B-1004", "Werft GmbH", "Gehalt 10.2026"),
        )
    )
    + """</BANKTRANLIST>
<LEDGERBAL><BALAMT>2543.60<DTASOF>20261005</LEDGERBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1>
</OFX>
"""
)


def camt_entry(*, amount: str, mark: str, day: str, reference: str, party: str, purpose: str, sts: str = "BOOK") -> str:
    """Write an entry as version 8 has it."""
    role = "Cdtr" if mark == "DBIT" else "Dbtr"
    return f"""<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{mark}</CdtDbtInd><Sts><Cd>{sts}</Cd></Sts>
<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{reference}</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>
<RltdPties><{role}><Pty><Nm>{party}</Nm></Pty></{role}></RltdPties><RmtInf><Ustrd>{purpose}</Ustrd></RmtInf>
</TxDtls></NtryDtls></Ntry>
"""


def camt_balance(kind: str, amount: str, mark: str = "CRDT") -> str:
    """Write a balance."""
    return f"""<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt>
<CdtDbtInd>{mark}</CdtDbtInd><Dt><Dt>2026-10-05</Dt></Dt></Bal>
"""


def camt(inner: str, *, version: str = "08") -> str:
    """Write a document with one statement."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-10-06T06:00:00</CreDtTm></GrpHdr>
<Stmt><Id>S1</Id><Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>
{inner}</Stmt></BkToCstmrStmt></Document>
"""


CAMT = camt(
    camt_balance("OPBD", "1000.00")
    + camt_balance("CLBD", "2543.60")
    + "".join(
        camt_entry(amount=amount, mark=mark, day=day, reference=reference, party=party, purpose=purpose)
        for amount, mark, day, reference, party, purpose in (
            ("850.00", "DBIT", "2026-10-01", "B-1001", "Hausverwaltung Nord", "Miete Oktober"),
            ("3.20", "DBIT", "2026-10-02", "B-1002", "Bäckerei Müller", "Brötchen"),
            ("3.20", "DBIT", "2026-10-02", "B-1003", "Bäckerei Müller", "Brötchen"),
            ("2400.00", "CRDT", "2026-10-05", "B-1004", "Werft GmbH", "Gehalt 10.2026"),
        )
    )
)

CSV = """Nordbank;Kontoauszug
Konto;DE89 3704 0044 0532 0130 00

Buchungstag;Empfänger;Zweck;Betrag;Währung;Saldo;Referenz
01.10.2026;Hausverwaltung Nord;Miete Oktober;-850,00;EUR;150,00;B-1001
02.10.2026;Bäckerei Müller;Brötchen;-3,20;EUR;146,80;B-1002
02.10.2026;Bäckerei Müller;Brötchen;−3,20;EUR;143,60;B-1003
05.10.2026;Werft GmbH;Gehalt 10.2026;2.400,00;EUR;2.543,60;B-1004
"""

# One account under the names that the formats have for it.
ACCOUNT: dict[str, Any] = {
    "bank_accounts": [
        {"names": [IBAN, "37040044/0532013000"], "account": "assets:bank:nord", "type": "asset"},
    ],
}
CSV_PROFILE: dict[str, Any] = {
    "bank_account": IBAN,
    "columns": {
        "date": "Buchungstag",
        "amount": "Betrag",
        "currency": "Währung",
        "counterparty": "Empfänger",
        "purpose": ["Zweck"],
        "reference": "Referenz",
        "balance": "Saldo",
    },
}

READERS = {"mt940": mt940_file, "ofx": ofx_file, "camt053": camt053_file, "csv": csv_file}
FILES = {"mt940": MT940.encode(), "ofx": OFX.encode("cp1252"), "camt053": CAMT.encode(), "csv": CSV.encode()}


def options_of(name: str) -> dict[str, Any]:
    """Return the options that each sample is read with."""
    return ACCOUNT | ({"csv": CSV_PROFILE} if name == "csv" else {})


def read(name: str, file: bytes | str, options: Mapping[str, Any] | None = None, *, zone: str = "UTC") -> list[Found]:
    """Read a file of this format; by the options of its sample where there are no others."""
    content = file.encode() if isinstance(file, str) else file
    reader = READERS[name](options_of(name) if options is None else options, zone)
    return list(reader.read(io.BytesIO(content)))


def transactions(found: list[Found]) -> list[FoundTransaction]:
    """Return the transactions among what was found."""
    return [each for each in found if isinstance(each, FoundTransaction)]


def of_kind(found: list[Found], kind: type) -> list[tuple[str, str]]:
    """Return place and detail of what was found of a kind."""
    return [(each.place, each.detail) for each in found if isinstance(each, kind) and hasattr(each, "detail")]
