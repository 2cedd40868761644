"""The server's log: when each line was written, and that nothing that a client sends makes a line of its own."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from adapters.telemetry.watch import Watch
from application.shared.telemetry import Kind
from entrypoints.cli.log import FORMAT, SAME_MAX, JsonFormatter, SecretsHidden, Seldom, UtcFormatter
from tests.application.seconds import Seconds


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time is not UTC."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        yield
    time.tzset()


def written(message: str, error: BaseException | None = None) -> list[str]:
    """The lines that the record becomes."""
    trouble = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord("partita.http", logging.WARNING, __file__, 1, message, None, trouble)
    record.created, record.msecs = datetime(2026, 11, 25, 23, 59, 59, 7_000, UTC).timestamp(), 7.0
    return UtcFormatter(FORMAT).format(record).splitlines()


@pytest.mark.usefixtures("elsewhere")
def test_times_are_utc_wherever_the_machine_is() -> None:
    assert time.strftime("%H", time.localtime(0)) == "05"
    assert written("it is late") == ["2026-11-25T23:59:59.007Z WARNING partita.http: it is late"]


def test_no_message_has_a_second_line() -> None:
    forged = "x\r\n2026-11-25T23:59:59.007Z ERROR partita: forged\x1b[2J\x85\u2028\u202eend"
    (line,) = written(forged)
    assert line.endswith(r"partita.http: x\r\n2026-11-25T23:59:59.007Z ERROR partita: forged\x1b[2J\x85\u2028\u202eend")


def test_no_line_of_a_traceback_looks_like_a_line_of_the_log() -> None:
    try:
        raise ValueError("sent\n2026-11-25T23:59:59.007Z ERROR partita: forged\x1b[2J")
    except ValueError:
        error = sys.exc_info()[1]
    first, *others = written("it failed", error)
    assert first.endswith("partita.http: it failed")
    assert others[0] == "  | Traceback (most recent call last):"
    assert all(line.startswith("  | ") for line in others)
    assert others[-1] == r"  | 2026-11-25T23:59:59.007Z ERROR partita: forged\x1b[2J"


def test_one_warning_that_anyone_can_cause_is_written_ten_times_a_minute() -> None:
    seconds = Seconds()
    seldom = Seldom(seconds=seconds)

    def written_of(text: str, level: int = logging.WARNING) -> str | None:
        record = logging.LogRecord("uvicorn.error", level, __file__, 1, text, None, None)
        return record.getMessage() if seldom.filter(record) else None

    assert [written_of("no HTTP") for _ in range(SAME_MAX + 7)] == ["no HTTP"] * SAME_MAX + [None] * 7
    assert written_of("something else") == "something else"
    assert written_of("no HTTP", logging.ERROR) == "no HTTP"
    seconds.passed = 60
    assert written_of("no HTTP") == "no HTTP (7 more before, which are left out)"
    assert written_of("no HTTP") == "no HTTP"


def test_as_json_each_record_is_one_document_with_the_ids_of_what_it_concerns() -> None:
    watch = Watch()
    record = logging.LogRecord("partita.http", logging.WARNING, __file__, 1, "a\n\u2028b token=%s", ("x" * 20,), None)
    record.created, record.msecs = datetime(2026, 11, 25, 23, 59, 59, 7_000, UTC).timestamp(), 7.0
    SecretsHidden().filter(record)
    with watch.span(Kind.REQUEST, "GET", request="req_1"):
        watch.tell(organisation=7, ledger="main", status=500)
        line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    assert json.loads(line) == {
        "time": "2026-11-25T23:59:59.007Z",
        "level": "WARNING",
        "logger": "partita.http",
        "message": "a\n\u2028b token=[hidden]",
        "request": "req_1",
        "organisation": 7,
        "ledger": "main",
    }
    try:
        raise ValueError("it broke: password=teapot")
    except ValueError:
        record.exc_info, record.exc_text = sys.exc_info(), None
    SecretsHidden().filter(record)
    told = json.loads(JsonFormatter().format(record))
    assert told["traceback"].endswith("ValueError: it broke: password=[hidden]")
    assert "request" not in told
