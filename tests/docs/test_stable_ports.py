"""What extensions rely on does not change without a word in the changelog."""

import ast
import re
from importlib import import_module
from typing import Any

from tests.docs.pages import ROOT
from tests.docs.stable_ports import NOW, RELEASED, RINGS, kept, ports, unnamed, written

CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
RUN = "run `python -m tests.docs.stable_ports`, and name the port in CHANGELOG.md"


def test_ports_are_what_is_kept() -> None:
    assert written(ports()) == NOW.read_text("utf-8"), RUN


def test_each_that_differs_from_the_last_release_is_named_in_the_changelog() -> None:
    assert unnamed(ports(), kept(RELEASED.read_text("utf-8")), CHANGELOG) == [], RUN


def test_each_is_listed_where_extending_is_described() -> None:
    page = (ROOT / "docs" / "extending.md").read_text("utf-8").partition("\n## Stable ports\n")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE))
    assert listed == {name.rpartition(".")[2] for name in ports()}


def test_the_example_takes_nothing_that_may_change_at_any_time() -> None:
    promised = {id(_named(name)) for name in ports()}
    taken = set()
    for file in (ROOT / "examples" / "partita-interest").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in RINGS:
                taken |= {f"{node.module}.{each.name}" for each in node.names}
    assert len(taken) > 20
    assert [name for name in sorted(taken) if id(_named(name)) not in promised] == []


def test_each_contract_is_promised() -> None:
    page = (ROOT / "docs" / "extending.md").read_text("utf-8")
    for name in re.findall(r"`entrypoints\.testing\.(\w+\.\w+)`", page):
        assert f"entrypoints.testing.{name}" in ports()


def _named(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


def test_a_change_would_be_noticed() -> None:
    now = ports()
    released = dict(now)
    silent = "## [Unreleased]\n\n## [0.1.0]\n`PostingPolicy`\n"
    assert unnamed(now, released, silent) == []
    policy = "domain.ledger.policy.PostingPolicy"
    changed = now | {policy: now[policy].replace("proposal: Proposal", "proposal: Proposal, more: int")}
    assert changed != now
    assert unnamed(changed, released, silent) == [policy]
    assert unnamed(changed, released, silent.replace("\n\n", "\n- `PostingPolicy` takes more.\n\n", 1)) == []
    del changed[policy]
    assert unnamed(changed, released, silent) == [policy]


def test_a_signature_tells_of_all_that_callers_use() -> None:
    now = ports()
    assert "def check(self, proposal: Proposal, books: BooksSeen) -> None" in now["domain.ledger.policy.PostingPolicy"]
    assert "CAPTURE = 'capture'" in now["domain.ledger.policy.Way"]
    assert "reference: str | None = …" in now["domain.ledger.transaction.TransactionDraft"]
    assert (
        "async def submit(self, principal: Principal, slug: str, command: Command, *, request_id: str, "
        in (now["application.ledger.journal.Journal"])
    )
    assert "def __init__(self, detail: str, *, pointer: str | None=None" in now["domain.shared.errors.DomainError"]
    assert "CallerDependency = Annotated[Caller" in now["entrypoints.http.dependencies.CallerDependency"]
    assert all(text.startswith("since '") for text in now.values())


def test_what_is_kept_can_be_read_again() -> None:
    assert kept(written(ports())) == ports()
