"""The rules of the architecture that import-linter and ruff cannot express, and proof that each of them bites."""

from pathlib import Path, PurePosixPath

import pytest

from tests.architecture import source_rules
from tests.architecture.source_rules import Module, Rule

ROOT = Path(__file__).parents[2]
FOLDERS = ("domain", "application", "adapters", "entrypoints", "migrations", "tests")

RULES: list[Rule] = [
    source_rules.files_are_short,
    source_rules.functions_are_short,
    source_rules.ports_are_small,
    source_rules.only_the_container_wires,
    source_rules.nothing_is_injected_by_decorator,
    source_rules.commits_are_in_one_file,
    source_rules.principals_make_authors,
    source_rules.the_domain_is_pure,
    source_rules.names_say_something,
    source_rules.fakes_instead_of_mocks,
    source_rules.exceptions_name_their_reason,
]
LONG_FUNCTION = "def long():\n" + "    pass\n" * 69
METHODS = [f"    async def f{number}(self): ...\n" for number in range(6)]

PLANTED: list[tuple[Rule, str, str]] = [
    (source_rules.files_are_short, "domain/ledger/long.py", "x = 1\n" * 300),
    (source_rules.functions_are_short, "adapters/redis/cache.py", LONG_FUNCTION),
    (source_rules.functions_are_short, "adapters/redis/cache.py", "async " + LONG_FUNCTION),
    (source_rules.ports_are_small, "application/ledger/ports.py", "class A(Protocol):\n" + "".join(METHODS)),
    (source_rules.ports_are_small, "application/a.py", "class A(B, typing.Protocol[C]):\n" + "".join(METHODS)),
    (source_rules.only_the_container_wires, "entrypoints/http/app.py", "import adapters.postgres"),
    (source_rules.only_the_container_wires, "entrypoints/http/app.py", "from adapters import postgres"),
    (
        source_rules.only_the_container_wires,
        "entrypoints/cli/main.py",
        "def f():\n    from adapters.redis import cache",
    ),
    (source_rules.only_the_container_wires, "adapters/redis/cache.py", "from dependency_injector import providers"),
    (source_rules.nothing_is_injected_by_decorator, "entrypoints/http/v1/a.py", "@inject\ndef route(): ..."),
    (
        source_rules.nothing_is_injected_by_decorator,
        "entrypoints/http/v1/a.py",
        "@wiring.inject\nasync def route(): ...",
    ),
    (source_rules.nothing_is_injected_by_decorator, "entrypoints/http/v1/a.py", "def f(x=Provide[C.x]): ..."),
    (source_rules.commits_are_in_one_file, "adapters/postgres/ledger/books.py", "await session.commit()"),
    (source_rules.commits_are_in_one_file, "application/ledger/journal.py", "work.commit()"),
    (source_rules.principals_make_authors, "application/a.py", "Author(principal.actor, request_id)"),
    (source_rules.principals_make_authors, "application/a.py", "chain.Author(who.principal.actor, request_id)"),
    (source_rules.the_domain_is_pure, "domain/ledger/a.py", "async def f(): ..."),
    (source_rules.the_domain_is_pure, "domain/ledger/a.py", "import time"),
    (source_rules.the_domain_is_pure, "domain/ledger/a.py", "from random import choice"),
    (source_rules.the_domain_is_pure, "domain/ledger/a.py", "def f():\n    import secrets"),
    (source_rules.the_domain_is_pure, "domain/ledger/a.py", "from uuid import uuid4\nuuid4()"),
    (source_rules.the_domain_is_pure, "domain/ledger/a.py", "import uuid as u\nu.uuid4()"),
    (source_rules.the_domain_is_pure, "domain/ledger/a.py", "from datetime import datetime\ndatetime.now(UTC)"),
    (source_rules.the_domain_is_pure, "domain/ledger/a.py", "import datetime as d\nx = d.datetime.utcnow"),
    (source_rules.the_domain_is_pure, "domain/ledger/a.py", "from datetime import date as D\nD.today()"),
    (source_rules.names_say_something, "application/utils.py", ""),
    (source_rules.names_say_something, "domain/common/money.py", ""),
    (source_rules.names_say_something, "adapters/postgres/manager.py", ""),
    (source_rules.fakes_instead_of_mocks, "tests/domain/test_a.py", "from unittest.mock import Mock"),
    (source_rules.fakes_instead_of_mocks, "tests/application/test_a.py", "from unittest import mock"),
    (source_rules.fakes_instead_of_mocks, "tests/application/test_a.py", "import unittest.mock"),
    (source_rules.exceptions_name_their_reason, "domain/a.py", "x = 1  # type: ignore  # because of a stub"),
    (source_rules.exceptions_name_their_reason, "domain/a.py", "x = 1  # type: ignore[attr-defined]"),
    (source_rules.exceptions_name_their_reason, "domain/a.py", "x = 1  # noqa"),
    (source_rules.exceptions_name_their_reason, "domain/a.py", "x = 1  # noqa: S608"),
    (source_rules.exceptions_name_their_reason, "tests/a.py", "x = 1  # noqa: S608 #"),
    (source_rules.exceptions_name_their_reason, "domain/a.py", "x = 1  # type: ignore[a-b]  # noqa: S608"),
]

ALLOWED: list[tuple[Rule, str, str]] = [
    (source_rules.files_are_short, "domain/ledger/long.py", "x = 1\n" * 299),
    (source_rules.files_are_short, "tests/domain/test_long.py", "x = 1\n" * 900),
    (source_rules.functions_are_short, "domain/a.py", "def long():\n" + "    pass\n" * 68),
    (source_rules.functions_are_short, "tests/test_a.py", LONG_FUNCTION),
    (source_rules.ports_are_small, "application/a.py", "class A(Protocol):\n" + "".join(METHODS[:5])),
    (source_rules.ports_are_small, "application/a.py", "class A:\n" + "".join(METHODS)),
    (
        source_rules.only_the_container_wires,
        "entrypoints/container/access.py",
        "import adapters.redis, dependency_injector",
    ),
    (source_rules.only_the_container_wires, "adapters/redis/cache.py", "from adapters.redis import client"),
    (source_rules.only_the_container_wires, "tests/adapters/test_a.py", "from adapters.redis import client"),
    (source_rules.commits_are_in_one_file, "adapters/postgres/work.py", "await session.commit()"),
    (source_rules.commits_are_in_one_file, "application/ledger/journal.py", "committed = group.committed()"),
    (source_rules.principals_make_authors, "application/a.py", "principal.author(request_id)\nAuthor(ACTOR, id)"),
    (source_rules.principals_make_authors, "tests/a.py", "Author(principal.actor, request_id)"),
    (source_rules.the_domain_is_pure, "domain/a.py", "from datetime import datetime, time\ndatetime.fromisoformat(x)"),
    (source_rules.the_domain_is_pure, "application/a.py", "import time\nasync def f(): ..."),
    (source_rules.fakes_instead_of_mocks, "tests/adapters/test_a.py", "from unittest.mock import Mock"),
    (source_rules.exceptions_name_their_reason, "domain/a.py", "x = 1  # type: ignore[attr-defined]  # no stubs yet"),
    (source_rules.exceptions_name_their_reason, "domain/a.py", "x = 1  # noqa: S608  # only constants are joined"),
    (source_rules.exceptions_name_their_reason, "domain/a.py", "x = 1  # noqa: S608, E501  # only constants here"),
    (source_rules.exceptions_name_their_reason, "domain/a.py", "x = '# noqa'"),
    (source_rules.exceptions_name_their_reason, "a.py", "x = 1  # type: ignore[a-b]  # noqa: S608  # for a reason"),
]


def test_the_source_follows() -> None:
    # File by file, as each is parsed once for all rules.
    broken = [
        f"{rule.__name__}: {problem}"
        for module in source_rules.modules(ROOT, *FOLDERS)
        for rule in RULES
        for problem in rule(module)
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_a_planted_violation_is_reported(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Module(PurePosixPath(path), text)))


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_what_is_allowed_is_not_reported(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Module(PurePosixPath(path), text))) == []


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _, _ in PLANTED} == set(RULES)


def test_the_files_of_the_repository_are_found(tmp_path: Path) -> None:
    (tmp_path / "domain" / "ledger").mkdir(parents=True)
    (tmp_path / "domain" / "ledger" / "a.py").write_text("import time\n")
    found = list(source_rules.modules(tmp_path, *FOLDERS))
    assert [str(module.path) for module in found] == ["domain/ledger/a.py"]
    assert list(source_rules.the_domain_is_pure(found[0])) == ["domain/ledger/a.py:1 imports time: pass the value in"]
