"""The log of refusals: what a line says, that nothing can be smuggled into it, and how many lines there are at most."""

import asyncio
from dataclasses import replace

import pytest

from application.identity.refusal_log import NAMES_MAX, TOLD_MAX, RefusalLog, Refused
from tests.application.seconds import Seconds

REFUSED = Refused(
    "permission-denied",
    "req_1",
    "GET /v1/ledgers/{ledger}/accounts",
    "192.0.2.1",
    actor="key_1",
    credential="key_1",
    organisation_id=7,
    permission="accounts:read",
    ledger="main",
    detail="The permission accounts:read is missing.",
)
LEFT_OUT = "refused permission-denied from 192.0.2.1 4 times more, which are left out"


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def log(seconds: Seconds) -> RefusalLog:
    return RefusalLog(seconds=seconds)


def taken(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was written since this was asked last."""
    messages = [record.getMessage() for record in caplog.records if record.name == "partita.access"]
    caplog.clear()
    return messages


async def test_a_line_says_who_was_refused_what_and_from_where(
    log: RefusalLog, caplog: pytest.LogCaptureFixture
) -> None:
    log.note(REFUSED)
    log.note(Refused("not-authenticated", "req_2", "GET /v1/ledgers", None))
    of_permission, of_credential = taken(caplog)
    assert of_permission == (
        "refused permission-denied what='GET /v1/ledgers/{ledger}/accounts' actor=key_1 organisation=7 "
        "permission=accounts:read ledger=main address=192.0.2.1 request=req_1 "
        "detail='The permission accounts:read is missing.'"
    )
    assert of_credential == "refused not-authenticated what='GET /v1/ledgers' request=req_2"


async def test_what_clients_send_stays_within_its_line_and_is_not_long(
    log: RefusalLog, caplog: pytest.LogCaptureFixture
) -> None:
    log.note(
        replace(REFUSED, what="GET /x\r\nforged\x1b[2J\u2028ü' actor=usr_1", ledger="m" * 1_000, detail="y" * 1_000)
    )
    (line,) = taken(caplog)
    assert r"""what="GET /x\r\nforged\x1b[2J\u2028\xfc' actor=usr_1" actor=key_1 """ in line
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 700


async def test_of_one_code_for_one_address_so_many_are_told_a_minute_and_then_how_many_more(
    log: RefusalLog, seconds: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(TOLD_MAX + 4):
        log.note(REFUSED)
    assert len(taken(caplog)) == TOLD_MAX
    log.note(replace(REFUSED, code="not-authenticated"))
    log.note(replace(REFUSED, address="192.0.2.2"))
    assert len(taken(caplog)) == 2, "others are told"
    seconds.passed = 60
    log.note(REFUSED)
    first, second = taken(caplog)
    assert first == LEFT_OUT
    assert second.startswith("refused permission-denied what=")


async def test_addresses_of_one_ipv6_network_are_one(log: RefusalLog, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(TOLD_MAX + 4):
        log.note(replace(REFUSED, address=f"2001:db8::{number:x}"))
    assert len(taken(caplog)) == TOLD_MAX


async def test_however_many_addresses_there_are_the_lines_are_bounded(
    log: RefusalLog, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(NAMES_MAX + 500):
        log.note(replace(REFUSED, address=f"10.0.{number // 256}.{number % 256}"))
    assert len(taken(caplog)) == NAMES_MAX + TOLD_MAX
    log.end_window()
    assert taken(caplog) == ["refused permission-denied from others 490 times more, which are left out"]


async def test_how_many_were_left_out_is_told_also_when_nothing_comes_after(caplog: pytest.LogCaptureFixture) -> None:
    # Long enough for a busy machine to note all of them in it.
    log = RefusalLog(window_seconds=0.3)
    for _ in range(TOLD_MAX + 4):
        log.note(REFUSED)
    assert len(taken(caplog)) == TOLD_MAX
    async with asyncio.timeout(10):
        while not (told := taken(caplog)):  # noqa: ASYNC110 # it tells nobody
            await asyncio.sleep(0.02)
    assert told == [LEFT_OUT]


async def test_it_is_told_at_the_end_once(log: RefusalLog, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(TOLD_MAX + 4):
        log.note(REFUSED)
    taken(caplog)
    log.end_window()
    log.end_window()
    assert taken(caplog) == [LEFT_OUT]
