"""What goes wrong in a command: one clear line on stderr, and an exit code.

0 is well; 1 is that it failed, or found something wrong; 2 is wrong usage; 130 is what shells report for Ctrl-C. A
reader of stdout that goes away ends a command quietly: typer sees to that.
"""

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer

from domain.shared.chain import ChainBroken
from domain.shared.errors import DomainError

FAILED: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130


class CommandFailed(Exception):
    """A command cannot do what it was asked, or found something wrong; the text says what."""


class WrongUsage(Exception):
    """A command was called in a way that makes no sense; the text says what would."""


def run(command: Callable[[], int | None]) -> int:
    """Run the command and return the exit code; whatever it raises becomes one line on stderr."""
    try:
        return command() or 0
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("PARTITA_DEBUG") == "1":
            traceback.print_exc()
        line, code = _described(error)
        if line:
            typer.echo(f"partita: {line}", err=True)
        return code


def _described(error: Exception) -> tuple[str, int]:
    if isinstance(error, WrongUsage):
        return str(error), WRONG_USAGE
    if isinstance(error, typer.TyperException):
        said = getattr(error, "format_message", error.__str__)()
        # Without a command, the help that was shown says it all.
        return said and f"{said.rstrip('.')}. See `partita --help`.", getattr(error, "exit_code", WRONG_USAGE)
    if isinstance(error, CommandFailed):
        return str(error), FAILED
    if isinstance(error, DomainError):
        return error.detail, FAILED
    if isinstance(error, ChainBroken):
        return f"The log is broken at sequence {error.sequence}: {error.reason}.", FAILED
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}.", FAILED
    known = _failure_text(error)
    if known is not None:
        return known, FAILED
    if isinstance(error, OSError):
        return f"{error.strerror or error}.", FAILED
    return _bug(error), FAILED


def _failure_text(error: Exception) -> str | None:
    try:
        # Late: it takes most of a second to import.
        from entrypoints.container import failure_text
    except ImportError:  # of an installation that is not whole
        return None
    return failure_text(error)


def _bug(error: Exception) -> str:
    said = " ".join(str(error).split())
    text = f"This is a bug in Partita: {type(error).__name__}: {said[:200]}."
    if os.environ.get("PARTITA_DEBUG") == "1":
        return text
    log = Path(os.environ.get("PARTITA_DATA_DIR", ".partita"), "errors.log")
    with suppress(OSError):
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(log, "a", encoding="utf-8", opener=_private) as stream:
            stream.write(f"{datetime.now(UTC).isoformat()} {' '.join(sys.argv[1:2])}\n")
            traceback.print_exception(error, file=stream)
        return f"{text} Please report it with what was written to {log}."
    return f"{text} PARTITA_DEBUG=1 shows more."


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
