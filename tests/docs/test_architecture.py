"""What the page on architecture says of the database is all of it."""

import re

from adapters.postgres.tables import metadata
from tests.adapters.postgres.tenant_tables import GLOBAL_TABLES
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def test_every_table_is_named_where_storage_is_described() -> None:
    storage = PAGE.partition("\n## Storage\n")[2].partition("\n## ")[0]
    assert set(metadata.tables) - set(re.findall(r"`(\w+)`", storage)) == set()


def test_operators_are_told_which_tables_are_of_no_tenant() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    policies = page.partition("\n### Row-level security\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", policies))
    of_work = {table for table in GLOBAL_TABLES if table.endswith(("agenda", "jobs", "duties"))}
    assert len(of_work) == 4
    assert of_work - named == set()
