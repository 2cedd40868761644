import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import column

from adapters.postgres.keyset import Budget, Candidate, Keyset, Source, Verdict, Window, position, walk
from adapters.postgres.keyset import given as in_memory
from application.shared.pagination import Page, PageRequest, Position

NUMBERS = st.sets(st.integers(0, 200), max_size=60)


def candidates(numbers: Sequence[int]) -> list[Candidate]:
    return [Candidate((number,), number) for number in numbers]


def indexed(rows: Sequence[Candidate], keyset: Keyset) -> Source:
    """A source that reads as an index does, and counts."""
    inner = in_memory(rows, keyset)

    async def source(after: Position | None, size: int, budget: Budget) -> Window:
        window = await inner(after, size, budget)
        budget.spend(len(window.candidates))
        return window

    return source


@given(NUMBERS, NUMBERS, st.booleans(), st.integers(1, 10), st.integers(20, 100), st.integers(0, 3))
def test_all_pages_together_are_the_matching_rows_once_and_in_order(
    rows: set[int], matching: set[int], is_descending: bool, limit: int, rows_max: int, rows_to_judge: int
) -> None:
    keyset = Keyset((column("number"),), is_descending)
    source = indexed(candidates(sorted(rows)), keyset)
    sort = "-number" if is_descending else "number"

    async def judge(window: Sequence[Candidate], budget: Budget) -> Verdict:
        examined = list(window)
        if rows_to_judge:
            examined = examined[: budget.rows // rows_to_judge]
            budget.spend(len(examined) * rows_to_judge)
        return Verdict([each for each in examined if each.number in matching], len(examined))

    async def page(after: Position | None) -> Page[Candidate]:
        budget = Budget(rows_max)
        found = await walk(PageRequest(sort, limit, after), budget, source, judge, rows_to_judge + 1)
        assert budget.rows >= 0
        return found

    found: list[int] = []
    after: Position | None = None
    for _ in range(len(rows) + 1):
        this_page = asyncio.run(page(after))
        assert len(this_page.items) <= limit
        found += [each.number for each in this_page.items]
        after = this_page.next_after
        if after is None:
            break
    assert after is None
    assert found == sorted(rows & matching, reverse=is_descending)


async def test_a_page_that_nothing_matches_ends_at_its_budget_and_the_next_goes_on_behind_it() -> None:
    keyset = Keyset((column("number"),), False)
    source = indexed(candidates(range(1, 30_001)), keyset)

    async def judge(window: Sequence[Candidate], budget: Budget) -> Verdict:
        return Verdict([each for each in window if each.number == 25_000], len(window))

    first = await walk(PageRequest("number"), Budget(), source, judge)
    assert (first.items, first.next_after) == ([], (10_000,))
    second = await walk(PageRequest("number", after=first.next_after), Budget(), source, judge)
    assert (second.items, second.next_after) == ([], (20_000,))
    third = await walk(PageRequest("number", after=second.next_after), Budget(), source, judge)
    assert (third.items, third.next_after) == (candidates([25_000]), None)


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2, max_size=5), st.booleans())
def test_times_have_positions_that_sort_as_they_do(times: list[datetime], is_descending: bool) -> None:
    rows = [Candidate(position(time, number), number) for number, time in enumerate(times)]
    in_order = Keyset((column("time"), column("number")), is_descending).sorted(rows, None)
    expected = sorted(range(len(times)), key=lambda number: (times[number], number), reverse=is_descending)
    assert [each.number for each in in_order] == expected


def test_a_position_tells_a_time_to_the_microsecond() -> None:
    time = datetime(2026, 11, 24, 10, tzinfo=UTC) + timedelta(microseconds=1)
    assert position(time, 7) == ("2026-11-24T10:00:00.000001Z", 7)
