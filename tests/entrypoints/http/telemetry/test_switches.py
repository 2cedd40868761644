"""Traces, figures and the log as JSON: each off by default, and on by one setting that leaves the others off."""

import pytest

from application.shared.telemetry import UNWATCHED
from entrypoints.container import Container
from entrypoints.settings import Settings

SETTINGS: dict[str, dict[str, object]] = {
    "traces": {"traces_url": "http://127.0.0.1:9"},
    "figures": {"metrics_port": 0},
}


def made_with(**given: object) -> Container:
    """Everything that a server is made of, with the settings that it has by default and these."""
    container = Container()
    container.settings.override(Settings(_env_file=None, **given))  # type: ignore[arg-type] # each is checked by the settings
    return container


def test_by_default_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PARTITA_TRACES_URL", "PARTITA_METRICS_PORT", "PARTITA_LOG_FORMAT", "PARTITA_SENTRY_DSN"):
        monkeypatch.delenv(name, raising=False)
    container = made_with()
    assert container.telemetry() is UNWATCHED
    assert container.traces() is None
    assert container.figures() is None
    assert container.settings().sentry_dsn is None


@pytest.mark.parametrize("part", ["traces", "figures"])
def test_one_setting_has_one_part_told(part: str) -> None:
    container = made_with(**SETTINGS[part])
    told = {name: getattr(container, name)() for name in SETTINGS}
    assert container.telemetry() is not UNWATCHED
    assert [name for name, there in told.items() if there is not None] == [part]
    if part == "traces":
        told["traces"].close()
