"""Importing into a server that cannot be one. (A real one is in tests/journeys.)"""

from pathlib import Path

import pytest

from tests.entrypoints.cli.conftest import Partita


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """A file of one line, which never gets anywhere."""
    file = tmp_path / "sales.ndjson"
    file.write_text("{}\n")
    return file


@pytest.mark.parametrize(
    ("url", "key", "says"),
    [
        ("http://127.0.0.1:99999", "ptk_1_x", "'http://127.0.0.1:99999' is not the URL of a server"),
        ("http://127.0.0.1:x", "ptk_1_x", "is not the URL of a server"),
        ("http://[::1", "ptk_1_x", "is not the URL of a server"),
        ("127.0.0.1:8000", "ptk_1_x", "is not the URL of a server"),
        ("http://", "ptk_1_x", "is not the URL of a server"),
        ("ftp://127.0.0.1", "ptk_1_x", "is not the URL of a server"),
        ("http://127.0.0.1:1", "clé", "The API key is none"),
        ("http://127.0.0.1:1", "a\nb", "The API key is none"),
        ("http://127.0.0.1:1", " ", "The API key is none"),
    ],
)
def test_a_server_or_a_key_that_cannot_be_one_is_told_in_a_line(
    partita: Partita, sales: Path, url: str, key: str, says: str
) -> None:
    said = partita("import", str(sales), "--url", url, "--api-key", key)
    assert (said.code, said.out) == (1, "")
    assert says in said.err
    assert said.err.count("\n") == 1
    assert "bug" not in said.err
