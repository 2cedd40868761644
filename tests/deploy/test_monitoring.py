"""Alerts and the dashboard ask for figures that there are, in queries that Prometheus reads."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import promql_parser
import yaml

from adapters.telemetry.figures import Figures
from tests.programs import require

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "deploy/prometheus/partita-alerts.yaml"
DASHBOARD: Final = ROOT / "deploy/grafana/partita-dashboard.json"
GUIDE: Final = ROOT / "docs/telemetry.md"
# What Prometheus has by itself.
_FOREIGN: Final = {"up"}
UNSEEN: Final = {"partita_http_requests_in_progress", "partita_journal_ledgers", "partita_job_attempts"} | {
    "partita_job_attempts_seconds",
    "partita_webhook_attempts_seconds",
    "partita_webhooks_due",
}
_SUFFIXES: Final = ("_total", "_bucket", "_sum", "_count")
# Grafana puts a time and a choice there.
_VARIABLES: Final = {"$__rate_interval": "5m", "$instance": ".*"}


def rules() -> list[Any]:
    found: list[Any] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    return found


def queries() -> Iterator[tuple[str, str]]:
    """Yield every query, and where it stands."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def readable(query: str) -> str:
    for variable, value in _VARIABLES.items():
        query = query.replace(variable, value)
    return query


def known() -> Mapping[str, frozenset[str]]:
    """The names of all figures, with the labels that each has."""
    of_process = ("process_cpu_seconds", "process_resident_memory_bytes")
    described = Figures(version="1").described()
    return {name: labels for name, (_, labels) in described.items()} | dict.fromkeys(of_process, frozenset[str]())


def test_every_query_is_read_and_asks_for_figures_that_there_are() -> None:
    figures = known()
    asked = set()
    for where, query in queries():
        promql_parser.parse(readable(query))
        for name in re.findall(r"\b((?:partita|process|up)(?:_[a-z_]+)?)\b(?=[{\[ )]|$)", query):
            if name in _FOREIGN:
                continue
            base = next((name.removesuffix(each) for each in _SUFFIXES if name.removesuffix(each) in figures), name)
            assert base in figures or name in figures, f"{where}: {name}"
            asked.add(base if base in figures else name)
    # Whatever is measured of Partita can be seen, but for how often what is timed anyway happens.
    seen = asked | {name.removesuffix("_seconds") for name in asked}
    assert {name for name in figures if name.startswith("partita_")} - seen <= UNSEEN


def test_queries_ask_for_labels_that_there_are() -> None:
    labels = frozenset().union(*known().values()) | {"instance", "job", "le"}
    for where, query in queries():
        for listed in re.findall(r"by \(([^)]*)\)", query):
            assert {each.strip() for each in listed.split(",")} <= labels, where
        for label in re.findall(r"([a-z_]+)=~?\"", query):
            assert label in labels, where


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    guide = GUIDE.read_text()
    for rule in rules():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description"}
        assert re.fullmatch(r"[0-9]+m", rule["for"])
        assert f"`{rule['alert']}`" in guide, rule["alert"]


def test_the_dashboard_can_be_loaded() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["title"]
    assert dashboard["uid"] == "partita"


def test_prometheus_itself_takes_the_rules() -> None:
    # Not installed by the test, as a server comes along with it; the queries are read by another parser in any case.
    promtool = require(None, "promtool")
    subprocess.run([promtool, "check", "rules", RULES], check=True, capture_output=True, timeout=30)
