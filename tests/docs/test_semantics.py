"""The page of what is allowed when is what the ledger does; `python -m tests.docs.semantics` writes it anew."""

import re
from importlib import import_module
from pkgutil import iter_modules

import application.ledger
from tests.docs.semantics import PAGE, TRIED, page
from tests.docs.tables import problems


async def test_the_page_says_what_the_ledger_does() -> None:
    assert PAGE.read_text("utf-8") == await page(), "run `python -m tests.docs.semantics`"


async def test_every_command_is_on_the_page() -> None:
    await page()
    commands = set()
    for module in iter_modules(application.ledger.__path__):
        for thing in vars(import_module(f"application.ledger.{module.name}")).values():
            if isinstance(thing, type) and hasattr(thing, "execute") and hasattr(thing, "permission"):
                commands.add(thing)
    commands = {command for command in commands if not getattr(command, "_is_protocol", False)}
    assert len(commands) >= 25
    assert commands == TRIED


async def test_every_code_on_the_page_is_one_that_is_explained() -> None:
    explained = set(re.findall(r"^\| `([a-z-]+)` \|", problems(), flags=re.MULTILINE))
    shown = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", await page()))
    assert {"account-frozen", "hold-not-open", "period-closed", "reversal-exceeded", "insufficient-funds"} <= shown
    assert shown <= explained
