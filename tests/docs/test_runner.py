"""What runs the blocks of pages notices what is wrong with them."""

from pathlib import Path

import pytest

from tests.docs import run
from tests.docs.answers import is_as_shown
from tests.docs.blocks import Block, blocks_of, without_fences, without_marks


@pytest.fixture
def place(tmp_path: Path) -> run.Place:
    """A folder with nothing in it, and no server."""
    return run.Place(tmp_path, "http://127.0.0.1:1", "ptk_none", "ptk_none")


def wrong(text: str, place: run.Place) -> list[str]:
    return run.run(run.steps(list(blocks_of("page.md", text))), place)


@pytest.mark.parametrize(
    "text",
    [
        "```sh\necho a\n```\n\n```text\na\n```\n",
        "```sh\nA=5\n```\n\nAnd:\n\n```sh\necho $A\n```\n```json\n5\n```\n",
        "```python\nprint({1: 2})\n```\n\n```text\n{1: 2}\n```\n",
        "<!-- run\necho a >b\n-->\n```sh\ncat b\n```\n\n```text\na\n```\n",
        "1. Do\n\n   ```sh\n   echo a\n   ```\n",
        "<!-- not run: it ends the world -->\n```sh\nfalse\n```\n",
        "```sh\necho 'partita: No.'; false\n```\n\n```text\npartita: No.\n```\n",
    ],
)
def test_what_is_right_is_right(place: run.Place, text: str) -> None:
    assert wrong(text, place) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```sh\necho a\n```\n\n```text\nb\n```\n", "page.md:5 shows something else"),
        ('```sh\necho \'{"a": 1}\'\n```\n\n```json\n{"a": "1"}\n```\n', "page.md:5 shows something else"),
        ('```sh\necho \'{"a": 1, "b": 2}\'\n```\n\n```json\n{"a": 1}\n```\n', "page.md:5 shows something else"),
        ("\n```sh\nfalse\necho after\n```\n", "page.md:2 does not work"),
        ("```sh\nfalse\necho a\n```\n\n```text\na\n```\n", "page.md:1 does not work"),
        ("```sh\necho a | grep b\n```\n", "page.md:1 does not work"),
        ("```python\n1 / 0\n```\n", "page.md:1 does not work"),
        ("```sh\ncurl http://127.0.0.1:1 -o answer\n```\n", "page.md:1 does not work"),
        ("```http\nGET /v1/ledgers\n```\n", "page.md:1 does not work"),
        ("<!-- send POST /v1/ledgers -->\n```json\n{}\n```\n", "page.md:2 does not work"),
        ("<!-- run\nfalse\n-->\n", "page.md:1 does not work"),
        ("```sh\nexit 3\n```\n", "ended early"),
        ("```sh\nif true; then\n```\n", "ended early"),
    ],
)
def test_what_is_wrong_is_noticed(place: run.Place, text: str, found: str) -> None:
    (first, *_) = wrong(text, place)
    assert found in first


def test_a_page_that_does_not_end_is_ended(place: run.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "PAGE_SECONDS", 1)
    (first,) = wrong("```sh\necho a; sleep 60 & wait\n```\n", place)
    assert "ended early" in first


@pytest.mark.parametrize(
    ("answer", "shown", "is_json", "expected"),
    [
        ("txn_01m88b9w91e50b2trd22p69p44", "txn_01m88b9wc9enav231aykk0mced", False, True),
        ("txn_01m88b9w91e50b2trd22p69p44", "evt_01m88b9wc9enav231aykk0mced", False, False),
        ("id: 5\ndata: {1}\n", "id: 5\n…", False, True),
        ("id: 6\ndata: {1}\n", "id: 5\n…", False, False),
        ('{"a": 1, "b": 2}', '{"a": 1, "…": "…"}', True, True),
        ('{"b": 2}', '{"a": 1, "…": "…"}', True, False),
        ('{"a": [1, 2]}', '{"a": [1]}', True, False),
        ('{"a": true}', '{"a": 1}', True, False),
        ('{"a": null}', '{"a": "…"}', True, True),
        ("no JSON", "{}", True, False),
    ],
)
def test_answers_are_compared_but_for_what_differs_each_time(
    answer: str, shown: str, is_json: bool, expected: bool
) -> None:
    assert is_as_shown(answer, shown, is_json=is_json) == expected


def test_code_that_is_only_indented_is_found() -> None:
    assert without_fences(
        "Do:\n\n    make test\n\n1. Or\n\n    that\n\n```sh\n    not this\n```\n\nAnd:\n\n    this\n"
    ) == [3, 15]


def test_readers_do_not_see_what_blocks_say_of_themselves() -> None:
    text = "A\n\n<!-- run\necho\n-->\n<!-- send POST /x -->\n```json\n{}\n```\n<!-- a remark -->\n"
    assert without_marks(text) == "A\n\n\n\n```json\n{}\n```\n<!-- a remark -->\n"
    assert [block.mark for block in blocks_of("page.md", text)] == ["", "send POST /x"]
    assert isinstance(next(blocks_of("page.md", text)), Block)
