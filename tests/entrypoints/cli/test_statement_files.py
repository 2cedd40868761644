"""Bank statements at the command line, with a profile in a file."""

import json
from pathlib import Path

import pytest

from tests.adapters.foreign_files.statement_samples import FILES, options_of
from tests.entrypoints.cli.conftest import Partita


@pytest.mark.usefixtures("database")
def test_a_table_is_shown_by_its_profile_and_imported_and_then_the_same_month_in_ofx_is_there_already(
    partita: Partita, tmp_path: Path
) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / f"{name}.json").write_text(json.dumps(options_of(name)))

    def imported(name: str, *more: str) -> str:
        options = tmp_path / f"{name}.json"
        said = partita("ledger", "import", str(tmp_path / name), "--format", name, "--options", str(options), *more)
        assert said.code == 0, said.err
        return said.out + said.err

    shown = imported("csv", "--preview")
    assert "decimals behind a comma, dates as day, month, year" in shown
    assert "would be posted     4" in shown
    assert "4 posted, 0 already there, 0 refused" in imported("csv")
    assert "0 posted, 4 already there, 0 refused" in imported("ofx")
    shown = imported("csv", "--preview")
    assert "are there already   4" in shown
    assert shown.count(": is there already: txn_") == 4
