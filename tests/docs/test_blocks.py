"""Every block of code in the README and the documentation is run, and answers what the page shows.

What a block can say of itself stands in `tests/docs/blocks.py`. The pages are run beside each other on one server,
which is started as the README says.
"""

import asyncio
import configparser
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft202012Validator

from adapters.embedded import running_servers
from application.identity.create_organisation import create_organisation
from application.ledger.create_ledger import create_ledger
from domain.identity.api_key import FULL_RIGHTS
from domain.shared.chain import Author
from entrypoints.container import opened
from entrypoints.http.realtime.asyncapi import asyncapi_document
from entrypoints.settings import Settings
from tests.docs import command_line, run
from tests.docs.answers import is_as_shown
from tests.docs.blocks import blocks, named, without_fences
from tests.docs.pages import ROOT
from tests.docs.tables import described_application
from tests.journeys.demo_server import DemoServer
from tests.programs import require

PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS: Final = [block for page in PAGES for block in blocks(page)]
AT_A_TIME: Final = 3
# A webhook of the pages leads to the machine itself.
SETTINGS: Final = {"PARTITA_WEBHOOK_HTTP": "true", "PARTITA_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
PARSED: Final[dict[str, Callable[[str], Any]]] = {
    "yaml": yaml.safe_load,
    "ini": lambda text: configparser.ConfigParser(interpolation=None).read_string(f"[all]\n{text}"),
}
# What cannot be run by a test, and why: few, and each looked at by whoever adds it.
NOT_RUN: Final = [
    ("README.md", "it is on this server that all the rest is run"),
    ("docs/access.md", "a regular expression"),
    ("docs/api.md", "in a new ledger, nothing was known in April"),
    ("docs/architecture.md", "a drawing"),
    ("docs/architecture.md", "a drawing"),
    ("docs/architecture.md", "a drawing"),
    ("docs/architecture.md", "a drawing"),
    ("docs/architecture.md", "a drawing"),
    ("docs/backup.md", "needs an archive of PostgreSQL's; tests/entrypoints/cli/test_back_up.py restores a dump"),
    ("docs/backup.md", "needs the programs of PostgreSQL; tests/entrypoints/cli/test_back_up.py does the same"),
    ("docs/backup.md", "needs another cluster; tests/entrypoints/cli/test_back_up.py does the same"),
    ("docs/concepts.md", "a formula"),
    ("docs/deployment.md", "needs a container engine; the workflow `test` builds and starts the image"),
    ("docs/deployment.md", "needs a container engine; the workflow `test` starts the whole system"),
    ("docs/deployment.md", "needs a cluster"),
    ("docs/deployment.md", "needs a cluster"),
    ("docs/exports.md", "the two forms that all exports have"),
    (
        "docs/extending.md",
        "installs a package; tests/entrypoints/cli/test_example_extension.py does the same",
    ),
    ("docs/imports.md", "the forms that all imports have"),
    ("docs/oauth.md", "a browser and its person do this; tests/entrypoints/http/oauth do the same"),
    ("docs/oauth.md", "the code is of a browser; tests/entrypoints/http/oauth do the same"),
    (
        "docs/operations.md",
        "needs a PostgreSQL and a Redis of one's own; tests/entrypoints/cli/test_commands.py does the same",
    ),
    ("docs/queries.md", "PostgreSQL has to be restarted for it"),
    ("docs/queries.md", "what it shows is of that moment"),
    ("docs/replicas.md", "needs standbys; tests/entrypoints/http/replicas has its own"),
    ("docs/replicas.md", "requests in short; tests/entrypoints/http/replicas sends them"),
    ("docs/replicas.md", "needs standbys; tests/entrypoints/http/replicas has its own"),
    ("docs/replicas.md", "needs standbys; tests/entrypoints/http/replicas has its own"),
    ("docs/replicas.md", "needs PgBouncer; tests/entrypoints/http/test_pooler.py has its own"),
    ("docs/replicas.md", "needs PgBouncer; tests/entrypoints/http/test_pooler.py has its own"),
    ("docs/security/hardening.md", "needs nginx; the proxy of docker-compose.yml is tried in tests/deploy"),
    ("docs/security/threat-model.md", "a drawing"),
    ("docs/telemetry.md", "a line of the log"),
]


def test_what_is_not_run_is_listed_with_its_reason() -> None:
    marked = [
        (block.page, block.mark.removeprefix("not run: ")) for block in BLOCKS if block.mark.startswith("not run")
    ]
    assert marked == NOT_RUN


def test_code_says_what_it_is() -> None:
    unnamed = [block.place for block in BLOCKS if not block.kind]
    indented = [f"{named(page)}:{line}" for page in PAGES for line in without_fences(page.read_text("utf-8"))]
    assert unnamed + indented == []


def test_every_block_is_run_or_read_or_says_why_not() -> None:
    dealt_with = {id(block) for block in BLOCKS if block.mark or block.kind in PARSED}
    for steps in pages_to_run().values():
        dealt_with |= {id(block) for step in steps for block in (step.block, step.answer)}
    assert [block.place for block in BLOCKS if id(block) not in dealt_with] == []


def test_blocks_that_another_test_runs_are_taken_from_the_page_by_it() -> None:
    for block in BLOCKS:
        if block.mark.startswith("run by"):
            test = (ROOT / block.mark.removeprefix("run by ")).read_text("utf-8")
            assert Path(block.page).name in test, block.place


@pytest.mark.parametrize("kind", PARSED)
def test_settings_can_be_read(kind: str) -> None:
    for block in BLOCKS:
        if block.kind == kind:
            PARSED[kind](block.text)


def test_documents_are_valid_by_the_schema_that_they_name() -> None:
    described = [described_application().openapi(), asyncapi_document("https://ledger.example")]
    schemas = {name: (schema, each) for each in described for name, schema in each["components"]["schemas"].items()}
    for block in BLOCKS:
        if block.mark.startswith("as "):
            schema, document = schemas[block.mark.removeprefix("as ")]
            validator = Draft202012Validator({**schema, "components": document["components"]})
            assert [error.message for error in validator.iter_errors(json.loads(block.text))] == [], block.place


@pytest.mark.timeout(300)  # it is all pages, and the machine may have other things to do
def test_every_block_does_what_its_page_says(tmp_path: Path) -> None:
    require("curl", "curl")
    server = DemoServer(tmp_path, settings=SETTINGS)
    server.start()
    try:
        welcome = next(block for block in BLOCKS if block.page == "README.md" and block.kind == "text")
        assert is_as_shown(server.said().replace(str(server.data), ".partita"), welcome.text, is_json=False)
        with command_line.forking() as programs:
            assert wrong_on(pages_to_run(), server, programs) == ""
    finally:
        server.stop()


def pages_to_run() -> dict[str, list[run.Step]]:
    """Return the steps of each page that has any."""
    pages = {named(page): run.steps([block for block in BLOCKS if block.page == named(page)]) for page in PAGES}
    return {page: steps for page, steps in pages.items() if steps}


def wrong_on(pages: Mapping[str, Sequence[run.Step]], server: DemoServer, programs: Path) -> str:
    """Run pages, and return what is wrong with them."""

    def wrong(page: str, tenant: tuple[int, str]) -> str:
        folder = server.folder / "pages" / page.replace("/", "-")
        return "\n".join(run.run(pages[page], run.laid_out(folder, server, programs, *tenant)))

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return "\n".join(filter(None, pool.map(wrong, pages, asyncio.run(new_tenants(server.data, len(pages))))))


async def new_tenants(data: Path, number: int) -> list[tuple[int, str]]:
    """Make an organisation with a ledger for each page, and return their numbers and keys."""
    urls = running_servers(data)
    assert urls is not None
    made = []
    async with opened(Settings(data_dir=data), urls) as container:
        services = container.services()
        clock, ids = services.clock, services.ids
        for _ in range(number):
            by = Author("system:tests", "req_tests")
            principal = await create_organisation(services.organisations, clock, ids, "A page", author=by)
            await create_ledger(
                services.ledgers, clock, ids, principal, slug="main", name="Main", metadata={}, request_id="req_tests"
            )
            _, key = await services.api_keys.create(principal, "page", FULL_RIGHTS, request_id="req_tests")
            assert key is not None
            made.append((principal.organisation_id, key))
    return made
