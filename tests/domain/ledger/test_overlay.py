import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.overlay import Overlay, OverlaySet

KEYS = st.sampled_from("abcdef")
MAPPINGS = st.dictionaries(KEYS, st.integers(), max_size=5)
SETS = st.sets(KEYS, max_size=5)


@given(MAPPINGS, MAPPINGS, MAPPINGS)
def test_an_overlay_is_read_as_a_copy_is_to_which_the_same_was_done(
    below: dict[str, int], first: dict[str, int], second: dict[str, int]
) -> None:
    untouched, copied = dict(below), below | first | second
    lower: Overlay[str, int] = Overlay(below)
    lower.update(first)
    upper: Overlay[str, int] = Overlay(lower)
    upper.update(second)
    assert upper == copied
    assert len(upper) == len(copied)
    assert sorted(upper) == sorted(copied)
    assert sorted(upper.items()) == sorted(copied.items())
    for key in "abcdef":
        assert (key in upper) == (key in copied)
        assert upper.get(key) == copied.get(key)
        assert upper.get(key, "none") == copied.get(key, "none")
    assert lower == untouched | first
    assert below == untouched


def test_what_an_overlay_lacks_is_a_key_error_as_in_any_mapping() -> None:
    overlay: Overlay[str, int] = Overlay({"a": 1})
    assert overlay["a"] == 1
    with pytest.raises(KeyError):
        overlay["b"]


@given(SETS, SETS, SETS)
def test_an_overlay_of_a_set_is_read_as_a_copy_is(below: set[str], first: set[str], second: set[str]) -> None:
    untouched, copied = set(below), below | first | second
    lower: OverlaySet[str] = OverlaySet(below)
    lower |= first
    upper: OverlaySet[str] = OverlaySet(lower)
    upper |= second
    assert set(upper) == copied
    assert len(upper) == len(copied)
    assert sorted(upper) == sorted(copied)
    assert all((key in upper) == (key in copied) for key in "abcdef")
    assert set(lower) == untouched | first
    assert below == untouched


def test_nothing_is_taken_away_from_an_overlay() -> None:
    overlay: Overlay[str, int] = Overlay({"a": 1})
    with pytest.raises(TypeError, match="taken away"):
        del overlay["a"]
    added: OverlaySet[str] = OverlaySet({"a"})
    with pytest.raises(TypeError, match="taken away"):
        added.discard("a")
