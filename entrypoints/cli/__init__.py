"""The command line: `partita`."""

import signal
import sys
from types import FrameType
from typing import NoReturn


class Interruption:
    """Interrupts what goes on when a signal asks for it, and remembers that one did.

    An interruption can be lost: in a callback of the interpreter's own, while it imports, which nothing may leave. Who
    goes on after such a time asks whether that happened.
    """

    def __init__(self) -> None:
        self.is_asked = False

    def __call__(self, _signal: int, _frame: FrameType | None) -> NoReturn:
        """Remember the signal, and interrupt."""
        self.is_asked = True
        raise KeyboardInterrupt


def start() -> None:
    """Run the command that the arguments name; Ctrl-C counts from here on, while everything is still being imported."""
    interruption = Interruption()
    try:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, interruption)
        from entrypoints.cli.main import main

        if interruption.is_asked:
            raise KeyboardInterrupt
        if signal.getsignal(signal.SIGINT) is interruption:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    except KeyboardInterrupt:
        sys.exit(130)
    main()
