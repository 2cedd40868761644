import re
from itertools import count

from tests.docs.pages import ROOT, links

FOLDER = ROOT / "docs" / "decisions"
RECORDS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
PARTS = ["Context", "Choice", "Turned down"]


def test_every_decision_has_a_title_and_three_parts() -> None:
    assert RECORDS
    for number, record in zip(count(1), RECORDS, strict=False):
        text = record.read_text("utf-8")
        assert re.match(rf"# {number}\. \S", text), record.name
        assert record.name.startswith(f"{number:04}-")
        assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == PARTS, record.name
        for part in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]:
            assert len(part.split()) >= 10, f"{record.name} has a part that says nothing"


def test_decisions_are_short() -> None:
    for record in RECORDS:
        assert len(record.read_text("utf-8").split()) < 300, record.name


def test_the_index_lists_every_decision_in_order_under_its_title() -> None:
    index = (FOLDER / "README.md").read_text("utf-8")
    assert [link for link in links(index) if link.startswith("0")] == [record.name for record in RECORDS]
    for record in RECORDS:
        title = record.read_text("utf-8").splitlines()[0].partition(". ")[2]
        assert f"({record.name}) | {title} |" in index
