"""Errors go to Sentry with what helps to mend them, and nothing that anyone has sent."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from adapters.telemetry.errors import report_errors
from adapters.telemetry.watch import Watch
from application.shared.telemetry import Kind
from entrypoints.cli.log import SecretsHidden
from entrypoints.schemas.hidden import without_secrets

KEY = "ptk_7_6SwRsa0BNaAB69Fsq0L1oMEtsCaiq9zJdIX8q0abcd"


class KeptInMemory(Transport):
    """Where reports go in these tests."""

    def __init__(self) -> None:
        super().__init__({"dsn": "http://key@127.0.0.1:1/1"})
        self.events: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event()
        if event is not None:
            self.events.append(event)


@pytest.fixture
def reported() -> Iterator[list[Any]]:
    root = logging.getLogger()
    before = list(root.handlers)
    transport = KeptInMemory()
    report_errors("http://key@127.0.0.1:1/1", release="1", hide=without_secrets, transport=transport)
    yield transport.events
    root.handlers[:] = before
    # Without saying so, it would change FastAPI for all tests to come, and read their forms before the server does.
    sentry_sdk.init(default_integrations=False, auto_enabling_integrations=False)


def failing(secret: str) -> None:
    customer = "".join(["Ms ", "Tea", "pot"])
    raise RuntimeError(f"it broke with token={secret} " + customer[:0])


def test_an_error_of_the_log_is_reported_with_its_traceback_and_ids(reported: list[Any]) -> None:
    log = logging.getLogger("partita.http")
    with Watch().span(Kind.REQUEST, "GET", request="req_1", organisation=7, ledger="main"):
        try:
            failing(KEY)
        except RuntimeError:
            log.exception("a request failed: Bearer %s", KEY)
    log.warning("this is no error")
    (event,) = reported
    assert event["tags"] == {"request": "req_1", "organisation": "7", "ledger": "main"}
    frames = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "failing"
    assert event["release"] == "1"


def test_nothing_is_reported_that_was_sent_or_is_secret(reported: list[Any]) -> None:
    try:
        failing(KEY)
    except RuntimeError:
        logging.getLogger("partita.http").exception("a request failed: Bearer %s", KEY)
    (event,) = reported
    told = json.dumps(event, default=str)
    assert "it broke with token=[hidden]" in told
    assert KEY[6:] not in told
    assert "Ms Teapot" not in told
    assert "vars" not in told
    assert {"request", "user", "breadcrumbs", "server_name", "modules"}.isdisjoint(event)


def test_hiding_secrets_in_the_log_does_not_take_the_traceback_from_reports(reported: list[Any]) -> None:
    log, handler = logging.getLogger(), logging.NullHandler()
    handler.addFilter(SecretsHidden())
    log.addHandler(handler)
    try:
        failing(KEY)
    except RuntimeError:
        log.exception("it failed")
    log.removeHandler(handler)
    assert reported[0]["exception"]["values"][0]["type"] == "RuntimeError"
