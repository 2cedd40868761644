from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, pages

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    nowhere = []
    for link in links(page.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            nowhere.append(link)
    assert nowhere == []


def test_every_page_of_the_documentation_can_be_reached_from_the_readme() -> None:
    reached = {ROOT / "README.md"}
    waiting = list(reached)
    while waiting:
        page = waiting.pop()
        for link in links(page.read_text("utf-8")):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in reached:
                reached.add(target)
                waiting.append(target)
    written = {page for page in pages() if not page.is_relative_to(ROOT / "tests")}
    assert written - reached == set()


def test_pages_name_no_place_of_one_machine() -> None:
    for page in pages():
        text = page.read_text("utf-8")
        for place in ("/home/", "/Users/", "/root/", "/work/"):
            assert place not in text, f"{page} names {place}"
