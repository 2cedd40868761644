"""The site of the documentation is built without a warning, has every page, and needs nothing from elsewhere."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.docs import reference, site


def named(nav: Any) -> Iterator[str]:
    """Yield the pages that a navigation names."""
    if isinstance(nav, str):
        yield nav
    else:
        for each in nav.values() if isinstance(nav, dict) else nav:
            yield from named(each)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which it was built, with the pages that it was built of beside it."""
    folder = tmp_path_factory.mktemp("site")
    assert site.build(folder) == 0
    return folder / "build"


def test_every_page_is_in_the_navigation_but_single_decisions(built: Path) -> None:
    navigation = list(named(tomllib.loads(site.CONFIGURATION.read_text("utf-8"))["project"]["nav"]))
    pages = {page.relative_to(built / "docs").as_posix() for page in (built / "docs").rglob("*.md")}
    assert {page for page in pages if not page.startswith("decisions/0")} == set(navigation)
    assert len(navigation) == len(set(navigation))


def test_pages_load_nothing_from_elsewhere(built: Path) -> None:
    pages = list((built / "site").rglob("*.html"))
    assert len(pages) > 90
    for page in pages:
        text = page.read_text("utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?([^\"\s>]+)", text)
        loaded += re.findall(r"<link\b[^>]*\brel=\"?(?:stylesheet|preload|icon)\"?[^>]*\bhref=\"?([^\"\s>]+)", text)
        loaded += re.findall(r"<link\b[^>]*\bhref=\"?([^\"\s>]+)\"?[^>]*\brel=\"?(?:stylesheet|preload|icon)", text)
        assert [each for each in loaded if "//" in each] == [], page
        assert "class=mermaid" not in text.replace('"', ""), f"{page} has a drawing that a script from elsewhere draws"


def test_what_blocks_say_of_themselves_is_not_shown(built: Path) -> None:
    for page in (built / "docs").rglob("*.md"):
        assert not re.search(r"<!-- (run|send|not run)\b", page.read_text("utf-8")), page


def test_examples_in_the_reference_are_what_it_says() -> None:
    for document in (reference.openapi(), reference.asyncapi()):
        schemas = document["components"]["schemas"]
        shown = [(schema, each) for schema in schemas.values() for each in schema.get("examples", ())]
        for message in document["components"].get("messages", {}).values():
            shown += [(message["payload"], each["payload"]) for each in message.get("examples", ())]
        assert len(shown) > 10
        for schema, example in shown:
            Draft202012Validator({**schema, "components": document["components"]}).validate(example)


def test_a_link_that_leads_nowhere_ends_the_building(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("[gone](nowhere.md)", "[gone](index.md#nowhere)"):
        monkeypatch.setattr(site, "staged", lambda wrong=wrong: [("index.md", f"# Start\n\n{wrong}\n")])
        assert site.build(tmp_path) != 0
    monkeypatch.setattr(site, "staged", lambda: [("index.md", "# Start\n\n[here](index.md#start)\n")])
    assert site.build(tmp_path) == 0
