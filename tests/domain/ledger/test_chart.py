import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.ledger.account import AccountType
from domain.ledger.chart import Chart, Rule
from domain.shared.errors import ValidationFailed
from domain.shared.patterns import Pattern
from tests.naive import fits


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("users:42", ["users:42"], ["users", "users:42:a", "users:420", "xusers:42", "Users:42"]),
        ("users:*:wallet", ["users:1:wallet", "users:a.b:wallet"], ["users:wallet", "users:1:2:wallet", "users:1"]),
        ("users:**", ["users", "users:1", "users:1:2"], ["user", "usersx", "x:users"]),
        ("**:fees", ["fees", "a:fees", "a:b:fees"], ["a:fees:b", "xfees", "a:xfees"]),
        ("a:**:z", ["a:z", "a:b:z", "a:b:c:z"], ["az", "a", "z", "a:z:b"]),
        ("**", ["a", "a:b:c"], []),
        ("*", ["a", "a.b"], ["a:b"]),
        ("*:**", ["a", "a:b", "a:b:c"], []),
        ("**:*:**", ["a", "a:b", "a:b:c"], []),
        ("a.c", ["a.c"], ["abc"]),
        ("a-_:*", ["a-_:x"], ["a-_"]),
    ],
)
def test_one_star_is_one_segment_and_two_are_any_number(pattern: str, fitting: list[str], others: list[str]) -> None:
    assert [path for path in fitting + others if Pattern(pattern).matches(path)] == fitting


NAMES = st.sampled_from(["a", "b", "ab", "a.", "a.b", "axb", "-", "_", "é", "中"])
PATTERNS = (
    st.lists(NAMES | st.sampled_from(["*", "**"]), min_size=1, max_size=5)
    .filter(lambda segments: segments.count("**") <= 2)
    .map(":".join)
)
PATHS = st.lists(NAMES, min_size=1, max_size=6).map(":".join)


@given(PATTERNS, PATHS)
@example("**:**", "a")
@example("a:**", "a")
@example("a.b", "axb")
def test_a_pattern_fits_what_a_simple_matcher_says(pattern: str, path: str) -> None:
    expected = fits(pattern.split(":"), path.split(":"))
    assert Pattern(pattern).matches(path) is expected
    assert (re.fullmatch(Pattern(pattern).regex, ":" + path) is not None) is expected


@given(PATTERNS, PATHS)
def test_every_path_that_fits_begins_with_the_prefix(pattern: str, path: str) -> None:
    if Pattern(pattern).matches(path):
        assert path.startswith(Pattern(pattern).prefix)


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [("a:b", "a:b"), ("a:*", "a:"), ("a:*:c", "a:"), ("a:**", "a"), ("a:b:**:c", "a:b"), ("*", ""), ("**:a", "")],
)
def test_the_prefix_is_as_long_as_it_can_be(pattern: str, prefix: str) -> None:
    assert Pattern(pattern).prefix == prefix


@given(PATHS)
def test_a_pattern_without_stars_fits_its_own_path_only(path: str) -> None:
    pattern = Pattern(path)
    assert pattern.is_exact
    assert pattern.matches(path)
    assert not pattern.matches(path + ":a")
    assert not pattern.matches("a:" + path)


@pytest.mark.parametrize(
    "pattern",
    ["", ":", "a:", ":a", "a::b", "a*", "*a", "***", "a b", "a:?", "(a)", "[a]", ".", "..", "\U0001f600", "a\n",
     "**:**:**", "**:a:**:b:**", "a" * 256],
    ids=lambda pattern: ascii(pattern[:20]),
)  # fmt: skip
def test_what_no_path_could_ever_fit_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValidationFailed):
        Pattern(pattern)


@pytest.mark.timeout(10)
def test_a_long_path_is_matched_in_a_moment_however_many_stars_there_are() -> None:
    path = ":".join(["a"] * 128)
    assert not Pattern("**:" + ":".join(["*"] * 60) + ":**:b").matches(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("**:*:*:*:**:y", ":".join(["x"] * 127)),
        ("**:" + ":".join(["a"] * 50) + ":b:**:y", ":".join(["a"] * 120 + ["y"])),
        ("**:" + ":".join(["*"] * 60) + ":**:y", ":".join(["y"] * 120)),
        (":".join(["a"] * 120) + ":**:y", ":".join(["a"] * 120)),
    ],
    ids=["stars", "names", "many stars", "a long beginning"],
)
def test_a_thousand_rules_are_tried_on_the_longest_path_in_a_moment(pattern: str, path: str) -> None:
    chart = Chart(tuple(Rule(Pattern(f"{pattern}{n}"), AccountType.EQUITY) for n in range(1_000)))
    begun = time.process_time()
    assert chart.type_for(path) is None
    assert time.process_time() - begun < 0.05


WALLETS = Rule(Pattern("users:*:wallet"), AccountType.LIABILITY)
ALL_USERS = Rule(Pattern("users:**"), AccountType.EQUITY)
ASSETS_ARE_EXPENSES = Rule(Pattern("assets:odd:**"), AccountType.EXPENSE)


def test_the_first_rule_that_matches_wins() -> None:
    assert Chart((WALLETS, ALL_USERS)).type_for("users:1:wallet") is AccountType.LIABILITY
    assert Chart((ALL_USERS, WALLETS)).type_for("users:1:wallet") is AccountType.EQUITY
    assert Chart((WALLETS, ALL_USERS)).type_for("users:1:fees") is AccountType.EQUITY


def test_rules_come_before_the_default_chart() -> None:
    chart = Chart((ASSETS_ARE_EXPENSES,))
    assert chart.type_for("assets:odd:1") is AccountType.EXPENSE
    assert chart.type_for("assets:even") is AccountType.ASSET


@pytest.mark.parametrize(
    ("path", "account_type"),
    [
        ("assets", AccountType.ASSET),
        ("assets:bank:main", AccountType.ASSET),
        ("Assets:Bank", AccountType.ASSET),
        ("ASSETS:bank", AccountType.ASSET),
        ("liabilities:vat", AccountType.LIABILITY),
        ("Equity:Opening-Balances", AccountType.EQUITY),
        ("income:sales", AccountType.INCOME),
        ("revenue:sales", AccountType.INCOME),
        ("Expenses:Food", AccountType.EXPENSE),
        ("asset:bank", None),
        ("my:assets", None),
        ("assetss", None),
        ("a\u00dfets:bank", None),  # which would be "assets" if its case were folded
        ("a\u017f\u017fets:bank", None),  # the same with the long s
        ("users:1", None),
    ],
)
def test_the_default_chart_goes_by_the_first_segment_in_any_case(path: str, account_type: AccountType | None) -> None:
    assert Chart().type_for(path) is account_type


def test_a_chart_has_at_most_a_thousand_rules() -> None:
    assert len(Chart((WALLETS,) * 1_000).rules) == 1_000
    with pytest.raises(ValidationFailed) as refused:
        Chart((WALLETS,) * 1_001)
    assert refused.value.blames[0].pointer == "/rules"
