"""Files of other programs at the command line."""

from pathlib import Path

import pytest

from tests.entrypoints.cli.conftest import Partita

JOURNAL = """\
2026-01-02 Opening
    assets:bank        1,000.00 EUR
    equity:opening

2026-01-03 Shares
    assets:shares       3 ABC @ 0.3333 EUR
    assets:bank

include other.journal
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    file = tmp_path / "books.journal"
    file.write_text(JOURNAL)
    return file


@pytest.mark.usefixtures("database")
def test_a_journal_is_shown_and_then_imported_once(partita: Partita, journal: Path) -> None:
    shown = partita("ledger", "import", str(journal), "--format", "hledger", "--preview")
    assert shown.code == 0
    rows = {line[:20].strip(): line[20:].split()[0] for line in shown.out.splitlines() if line[:20].strip()}
    assert rows["transactions found"] == rows["would be posted"] == "2"
    assert rows["not understood"] == "1"
    assert "assets:bank (asset)" in shown.out
    assert "line 9: not understood: 'include other.journal': no other file is read" in shown.err
    assert "line 5: remark: assets:bank gets -0.9999 EUR, rounded" in shown.err

    refused = partita("ledger", "import", str(journal), "--format", "hledger")
    assert refused.code == 1
    assert "nothing was posted" in refused.err

    posted = partita("ledger", "import", str(journal), "--format", "hledger", "--partial")
    assert posted.out == "2 posted, 0 already there, 0 refused; 7 accounts and assets new.\n"
    assert posted.code == 0
    again = partita("ledger", "import", str(journal), "--format", "hledger", "--partial")
    assert again.out == "0 posted, 2 already there, 0 refused; 0 accounts and assets new.\n"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--format", "word"), "There is no format 'word'"),
        ((), "--format"),
        (("--format", "hledger", "--ledger", "none"), "has no ledger 'none'"),
    ],
)
def test_what_cannot_be_imported_is_told_in_a_line(
    partita: Partita, journal: Path, arguments: tuple[str, ...], says: str
) -> None:
    said = partita("ledger", "import", str(journal), *arguments)
    assert said.code != 0
    assert says in said.err


@pytest.mark.usefixtures("database")
def test_options_are_read_from_a_file(partita: Partita, tmp_path: Path) -> None:
    journal, options = tmp_path / "a.journal", tmp_path / "options.json"
    journal.write_text("2026-01-02 Eins\n    Vermögen:Kasse  1,00 EUR\n    Eigenkapital\n", "latin-1")
    options.write_text('{"types": {"Vermögen": "asset", "Eigenkapital": "equity"}}')
    said = partita("ledger", "import", str(journal), "--format", "hledger", "--options", str(options))
    assert said.out == "1 posted, 0 already there, 0 refused; 3 accounts and assets new.\n"
    assert "The file does not say how it is encoded" in said.err
    options.write_text("[]")
    assert partita("ledger", "import", str(journal), "--format", "hledger", "--options", str(options)).code == 2


@pytest.mark.usefixtures("database")
def test_another_transaction_of_a_taken_reference_is_no_success(partita: Partita, tmp_path: Path) -> None:
    file = tmp_path / "a.journal"
    text = "2026-01-02 Cash  ; uuid: 7f\n    assets:cash  1.00 EUR\n    equity:opening\n"
    file.write_text(text)
    arguments = ("ledger", "import", str(file), "--format", "hledger")
    assert partita(*arguments).code == 0
    file.write_text(text.replace("1.00", "2.00"))
    said = partita(*arguments)
    assert (said.code, said.out) == (1, "0 posted, 0 already there, 1 refused; 0 accounts and assets new.\n")
    assert "belongs to another transaction of this ledger" in said.err
