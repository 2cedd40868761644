import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.errors import ValidationFailed
from domain.shared.text import checked_metadata, checked_name, checked_text, merged_metadata


def test_text_may_hold_anything_that_can_be_stored() -> None:
    text = "\t\n\r\x01\x7f é \U0001f600 \u202e '\"\\"
    assert checked_text(text, what="It", length_max=100) == text
    assert checked_text("", what="It", length_max=0) == ""


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\udc00\ud800"], ids=ascii)
def test_text_that_cannot_be_stored_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        checked_text(text, what="It", length_max=100, pointer="/it")
    assert refused.value.blames[0].pointer == "/it"


def test_text_is_counted_in_characters_not_in_bytes() -> None:
    assert checked_text("\U0001f600" * 5, what="It", length_max=5)
    with pytest.raises(ValidationFailed, match="6 characters; at most 5 fit"):
        checked_text("\U0001f600" * 6, what="It", length_max=5)


@pytest.mark.parametrize("text", ["", " ", "\u2003", "a\nb", "a\tb", "\x7f", "\x9f", "a\x00", "\ud800"], ids=ascii)
def test_a_name_is_one_line_of_text(text: str) -> None:
    with pytest.raises(ValidationFailed):
        checked_name(text, what="The name", length_max=100)


def test_a_name_may_be_written_in_any_script() -> None:
    for name in ["Ärzte & Söhne", "株式会社", "\U0001f600", " with spaces "]:
        assert checked_name(name, what="The name", length_max=100) == name


def test_metadata_may_fill_its_bounds() -> None:
    full = {f"{number:064}": "v" * 1_000 for number in range(64)}
    assert checked_metadata(full) == full
    assert checked_metadata({}) == {}
    assert checked_metadata({"k": ""}) == {"k": ""}


def test_metadata_is_a_map_of_its_own() -> None:
    given = {"a": "1"}
    checked = checked_metadata(given)
    given["a"] = "2"
    assert checked == {"a": "1"}


@pytest.mark.parametrize(
    ("metadata", "pointer"),
    [
        ({str(number): "" for number in range(65)}, "/metadata"),
        ({"k" * 65: ""}, "/metadata"),
        ({"": ""}, "/metadata"),
        ({"a\nb": ""}, "/metadata"),
        ({"k": "v" * 1_001}, "/metadata/k"),
        ({"a/b~c": "\x00"}, "/metadata/a~1b~0c"),
        ({"k": "\ud800"}, "/metadata/k"),
    ],
)
def test_metadata_beyond_its_bounds_is_refused_with_the_key_to_blame(metadata: dict[str, str], pointer: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        checked_metadata(metadata)
    assert [blame.pointer for blame in refused.value.blames] == [pointer]


def test_changes_are_laid_over_metadata_and_none_takes_a_key_out() -> None:
    current = {"keep": "1", "change": "2", "drop": "3"}
    changes = {"change": "4", "drop": None, "add": "5", "never there": None}
    assert merged_metadata(current, changes) == {"keep": "1", "change": "4", "add": "5"}
    assert current == {"keep": "1", "change": "2", "drop": "3"}


def test_keys_taken_out_make_room_for_others() -> None:
    full = {str(number): "" for number in range(64)}
    assert len(merged_metadata(full, {"0": None, "new": ""})) == 64
    with pytest.raises(ValidationFailed):
        merged_metadata(full, {"new": ""})


KEYS = st.text("abc", min_size=1, max_size=2)


@given(st.dictionaries(KEYS, st.text("xyz")), st.dictionaries(KEYS, st.none() | st.text("xyz")))
def test_laying_the_same_changes_over_twice_is_laying_them_over_once(
    current: dict[str, str], changes: dict[str, str | None]
) -> None:
    once = merged_metadata(current, changes)
    assert merged_metadata(once, changes) == once
    assert {name: once.get(name) for name in changes} == changes
