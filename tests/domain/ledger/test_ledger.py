import pytest

from domain.ledger.events import LedgerCreated
from domain.ledger.ledger import checked_slug, create
from domain.shared.errors import ValidationFailed


@pytest.mark.parametrize("slug", ["a", "1", "main", "a-b", "a--b", "2026-books", "a" * 63])
def test_a_slug_is_lower_case_letters_digits_and_inner_dashes(slug: str) -> None:
    assert checked_slug(slug) == slug


@pytest.mark.parametrize(
    "slug", ["", "-", "-a", "a-", "A", "a b", "a_b", "a.b", "ä", "a/b", "a\n", "a" * 64, "٣", "..", "a\x00"], ids=ascii
)
def test_anything_else_names_no_ledger(slug: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        checked_slug(slug)
    assert [blame.pointer for blame in refused.value.blames] == ["/slug"]


def test_a_new_ledger_has_its_name_its_metadata_and_utc() -> None:
    assert create(slug="main", name="Bücher", metadata={"a": "1"}) == LedgerCreated("Bücher", "UTC", {"a": "1"})


@pytest.mark.parametrize(
    ("name", "metadata", "pointer"),
    [("", {}, "/name"), ("a" * 256, {}, "/name"), ("a\nb", {}, "/name"), ("a", {"": "x"}, "/metadata")],
)
def test_a_ledger_with_a_bad_name_or_bad_metadata_is_refused(name: str, metadata: dict[str, str], pointer: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        create(slug="main", name=name, metadata=metadata)
    assert [blame.pointer for blame in refused.value.blames] == [pointer]
