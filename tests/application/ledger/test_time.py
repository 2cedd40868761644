import json
import logging
from datetime import datetime, timedelta

import pytest

from application.ledger.post_transaction import PostTransaction
from domain.ledger.events import TransactionPosted
from domain.ledger.transaction import EffectiveInFuture
from tests.application.ledger.office import MAIN, Office, done, refused
from tests.builders import NOW, draft, payment

HOUR = timedelta(hours=1)


def recorded_times(office: Office) -> list[str]:
    return [json.loads(content)["recorded_at"] for content, _ in office.kept.log(MAIN)]


async def test_recorded_time_never_goes_back_whatever_the_clock_does(office: Office) -> None:
    moments = [NOW + 2 * HOUR, NOW + HOUR, NOW - HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR]
    recorded = []
    for moment in moments:
        office.clock.set(moment)
        outcome = await office.submit(PostTransaction(payment()))
        recorded.append(outcome.applied[-1].recorded_at)
    assert recorded == [NOW + 2 * HOUR] * 4 + [NOW + 3 * HOUR]
    assert recorded_times(office) == sorted(recorded_times(office))
    assert office.sequence() == 9


async def test_a_group_has_one_time(office: Office) -> None:
    answers = await office.post_together(*[payment() for _ in range(5)])
    assert {applied.recorded_at for answer in answers for applied in done(answer).applied} == {NOW}


async def test_a_posting_that_says_no_time_is_effective_when_it_is_recorded(office: Office) -> None:
    office.clock.set(NOW + HOUR)
    await office.submit(PostTransaction(payment()))
    office.clock.set(NOW)
    outcome = await office.submit(PostTransaction(payment()))
    posted = outcome.applied[-1].event
    assert isinstance(posted, TransactionPosted)
    assert posted.effective_at == outcome.applied[-1].recorded_at == NOW + HOUR


@pytest.mark.parametrize(
    ("effective_at", "is_accepted"),
    [
        (NOW + HOUR + timedelta(seconds=60), True),
        (NOW + HOUR + timedelta(seconds=61), False),
    ],
)
async def test_what_lies_in_the_future_is_judged_by_the_ledgers_time(
    office: Office, effective_at: datetime, is_accepted: bool
) -> None:
    office.clock.set(NOW + HOUR)
    await office.submit(PostTransaction(payment()))
    office.clock.set(NOW)
    (answer,) = await office.post_together(draft(*payment().entries, effective_at=effective_at))
    if is_accepted:
        done(answer)
    else:
        refused(answer, EffectiveInFuture)


@pytest.mark.parametrize(
    ("ahead", "alerts"), [(timedelta(seconds=5), 0), (timedelta(seconds=5, microseconds=1), 1), (HOUR, 1)]
)
async def test_a_head_more_than_five_seconds_ahead_of_the_clock_raises_an_alert(
    office: Office, caplog: pytest.LogCaptureFixture, ahead: timedelta, alerts: int
) -> None:
    office.clock.set(NOW - ahead)
    with caplog.at_level(logging.ERROR, "partita.journal"):
        await office.submit(PostTransaction(payment()))
    assert len(caplog.records) == alerts
