"""Tables in the documentation that follow from the code, and `.env.example`. `python -m tests.docs.tables` writes them.

Each stands between `<!-- table: <its name> -->` and `<!-- /table -->`. A test says so when one is out of date.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import typer.main
from fastapi import FastAPI

from adapters.postgres.tables import metadata
from adapters.telemetry.figures import Figures
from application.shared.telemetry import UNWATCHED
from domain.identity.permission_words import WORDS
from domain.identity.role import BUILT_IN_ROLES
from domain.shared.errors import DomainError
from entrypoints import settings
from entrypoints.cli.main import app as command_line
from entrypoints.extending.loading import Extensions
from entrypoints.http.app import create_app
from entrypoints.http.pagination import PAGE_PARAMETERS
from entrypoints.http.problems import status_of
from entrypoints.http.v1.realtime_documents import CloseCode
from entrypoints.ready_made import Lifecycle
from entrypoints.settings import Settings
from tests.adapters.postgres.tenant_tables import GLOBAL_TABLES
from tests.bench.sections import WORDS as WORDS_OF_SECTIONS
from tests.bench.sections import Section
from tests.docs.pages import ROOT
from tests.docs.stable_ports import described

_TABLE = re.compile(r"(<!-- table: ([\w ]+) -->\n).*?(<!-- /table -->)", re.DOTALL)
_SAMPLE_HEAD: Final = """\
# Partita's settings, with their defaults. `python -m tests.docs.tables` writes this file.
#
# Copy it to `.env`, and take away the # before what you set. Partita reads its environment and no file:
# `set -a; . ./.env; set +a` gives it to a shell; systemd and containers have ways of their own. Keep secrets
# in files, which variables with _FILE at their end name. `partita config check` says what is wrong.
"""
SAMPLE: Final = ROOT / ".env.example"
_ROLES: Final = tuple(BUILT_IN_ROLES.values())
_RINGS: Final = ("domain.", "application.", "adapters.", "entrypoints.")


def problems() -> str:
    """Return every code that a refusal can have, with its statuses and what it means."""
    statuses: dict[str, set[int]] = {}
    meanings: dict[str, str] = {}
    # Where several refusals have one code, that of HTTP says what it means, or else the one that the others refine.
    for error in sorted(_refusals(DomainError), key=lambda error: not error.__module__.startswith("entrypoints.http")):
        statuses.setdefault(error.code, set()).add(status_of(error))
        meanings.setdefault(error.code, _first_paragraph(error.__doc__))
    rows = [(f"`{code}`", _joined(statuses[code]), meanings[code]) for code in sorted(statuses)]
    return _table(("code", "status", "what it means"), rows)


def _refusals(of: type[DomainError]) -> Iterator[type[DomainError]]:
    for error in of.__subclasses__():
        if error.__module__.startswith(_RINGS):  # not those of tests
            yield error
            yield from _refusals(error)


def routes() -> str:
    """Return every route, and what it is for."""
    schema = described_application().openapi()
    rows = [
        (f"`{method.upper()} {path}`", operation["summary"])
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    ]
    return _table(("route", "what it does"), rows)


def described_application() -> FastAPI:
    """Return the application for looking at: it cannot serve, as it has no services."""

    class NoServices:
        ids = None
        admission = None
        refusals = None
        telemetry = UNWATCHED
        lifecycle = Lifecycle()
        settings = Settings()
        extensions = Extensions()

    services: Any = NoServices()
    return create_app(services)


def lists() -> str:
    """Return what each list can be sorted and filtered by: every route that takes a cursor."""
    rows = []
    for path, operations in described_application().openapi()["paths"].items():
        given = {
            each["name"]: each for each in operations.get("get", {}).get("parameters", ()) if each["in"] == "query"
        }
        if "cursor" in given:
            filters = [name for name in given if name not in (*PAGE_PARAMETERS, "metadata")]
            filters += ["metadata[<key>]"] if "metadata" in given else []
            route = path.replace("/v1/ledgers/{ledger}/", "…/")
            rows.append((f"`GET {route}`", _codes(given["sort"]["schema"]["enum"]), _codes(filters) or "none"))
    return _table(("list", "`sort` (the first is the default)", "filters"), rows)


def page_parameters() -> str:
    """Return the parameters that every list has."""
    return f"Every list takes {_codes(PAGE_PARAMETERS)}.\n"


def environment() -> str:
    """Return every setting, from the variable that it is read from to what stands below it in the code."""
    variables = Settings.variables()
    rows = []
    for name, meaning in settings_in_words().items():
        default = Settings.model_fields[name].default
        rows.append((f"`{variables[name]}`", "none" if default in (None, ()) else f"`{_shown(default)}`", meaning))
    return _table(("variable", "default", "what it sets"), rows)


def settings_in_words() -> dict[str, str]:
    """Return what each setting sets, as it stands below it in the code."""
    tree = ast.parse(inspect.getsource(settings))
    (of_class,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == Settings.__name__]
    words = {}
    for node, following in zip(of_class.body, of_class.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            assert isinstance(following, ast.Expr), f"{node.target.id} has no text below it"
            assert isinstance(following.value, ast.Constant)
            words[node.target.id] = " ".join(str(following.value.value).split())
    assert words.keys() == Settings.model_fields.keys()
    return words


def sample_settings() -> str:
    """Return `.env.example`: every setting with its default, and none of them set."""
    parts = [_SAMPLE_HEAD]
    for name, meaning in settings_in_words().items():
        variable, default = Settings.variables()[name], Settings.model_fields[name].default
        value = "" if default in (None, ()) or Settings.is_secret(name) else _shown(default)
        value = f'"{value}"' if " " in value else value
        file = f" Or in a file: {variable}_FILE." if Settings.is_secret(name) else ""
        parts.append("".join(f"# {line}\n" for line in textwrap.wrap(meaning + file, 100)) + f"#{variable}={value}\n")
    return "\n".join(parts)


def figures() -> str:
    """Return every figure, and what it is of."""
    described = Figures(version="1").described()
    rows = [
        (f"`{name}{'' if not labels else '{' + ', '.join(sorted(labels)) + '}'}`", text)
        for name, (text, labels) in sorted(described.items())
    ]
    return _table(("figure", "what it says"), rows)


def commands() -> str:
    """Return every command of the command line with its arguments and options."""
    parts = []
    for name, command in _commands(typer.main.get_command(command_line), "partita"):
        arguments = [each for each in command.params if not each.opts[0].startswith("-")]
        usage = " ".join([name, "[OPTIONS]", *(_argument(each) for each in arguments)])
        rows = [(_named(each), _default(each), each.help) for each in command.params]
        table = _table(("argument or option", "default", ""), rows) if rows else "It takes no options.\n"
        parts.append(f"### {name}\n\n`{usage}`\n\n{' '.join(command.help.split())}\n\n{table}")
    return "\n" + "\n".join(parts)


def _commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for own, command in group.commands.items():
        path = f"{name} {own}"
        yield from _commands(command, path) if hasattr(command, "commands") else [(path, command)]


def _argument(argument: Any) -> str:
    name = argument.name.upper()
    return name if argument.required else f"[{name}]"


def _named(parameter: Any) -> str:
    if not parameter.opts[0].startswith("-"):
        return f"`{_argument(parameter)}`"
    value = "" if parameter.is_flag else f" {parameter.name.upper()}"
    named = ", ".join(f"`{option}{value}`" for option in parameter.opts)
    return named + (f" or `{parameter.envvar}`" if parameter.envvar else "")


def _shown(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _default(parameter: Any) -> str:
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    return f"`{parameter.default}`" if parameter.default not in (None, False) else ""


def permissions() -> str:
    """Return every permission, what it allows, and which built-in roles have it."""
    rows = [
        (f"`{permission.value}`", meaning, *("yes" if permission in role.permissions else "" for role in _ROLES))
        for permission, meaning in WORDS.items()
    ]
    return _table(("permission", "what it allows", *(role.name for role in _ROLES)), rows)


def sections() -> str:
    """Return every section of `make bench`, and what it measures."""
    return _table(("section", "what is measured"), [(f"`{each.value}`", WORDS_OF_SECTIONS[each]) for each in Section])


def reference_tables() -> str:
    """Return the tables that belong to no organisation, and why not."""
    rows = [
        (f"`{name}`", why)
        for name, why in GLOBAL_TABLES.items()
        if name not in metadata.tables or "organisation_id" not in metadata.tables[name].columns
    ]
    return _table(("table", "why it belongs to no organisation"), rows)


def close_codes() -> str:
    """Return every code with which a WebSocket is closed."""
    rows = [(str(int(each)), each.meaning, each.advice) for each in CloseCode]
    return _table(("close code", "what it means", "what to do"), rows)


def stable_ports() -> str:
    """Return what extensions may rely on, from where, and since when."""
    rows = [(f"`{name}`", f"`{module}`", since, said) for name, module, since, said in described()]
    return _table(("port", "from", "since", "what it is"), rows)


TABLES: Final[dict[str, Callable[[], str]]] = {
    "problems": problems,
    "routes": routes,
    "lists": lists,
    "page parameters": page_parameters,
    "environment": environment,
    "commands": commands,
    "figures": figures,
    "permissions": permissions,
    "sections": sections,
    "close codes": close_codes,
    "stable ports": stable_ports,
    "reference tables": reference_tables,
}


def with_tables(text: str) -> str:
    """Return the text of a page with each of its tables as it should be."""
    return _TABLE.sub(lambda found: found.group(1) + TABLES[found.group(2)]() + found.group(3), text)


def names_of_tables(text: str) -> list[str]:
    """Return the names of the tables in a page."""
    return [name for _, name, _ in _TABLE.findall(text)]


def pages_with_tables() -> list[Path]:
    """Return the pages that have any."""
    return [page for page in sorted((ROOT / "docs").glob("*.md")) if names_of_tables(page.read_text("utf-8"))]


def _first_paragraph(text: str | None) -> str:
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())


def _joined(statuses: set[int]) -> str:
    return ", ".join(str(status) for status in sorted(statuses))


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Write the tables of all pages anew."""
    for page in pages_with_tables():
        before = page.read_text("utf-8")
        after = with_tables(before)
        if after != before:
            page.write_text(after, "utf-8")
            print(f"{page.relative_to(ROOT)} is written anew.")
    SAMPLE.write_text(sample_settings(), "utf-8")


if __name__ == "__main__":
    main()
