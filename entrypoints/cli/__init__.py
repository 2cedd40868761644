"""The command line: `partita`."""

import gc
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

# Most objects live as long as a request, or for ever: to look through the young ones less often takes a fifth off the
# start of a command, and the p99 of posts from 28 to 11 ms.
_GC_THRESHOLD: Final = 50_000


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

    def begin(self) -> None:
        """Count Ctrl-C from here on, unless this process was told to ignore it."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self)

    def end(self) -> None:
        """Let Ctrl-C interrupt as it does by default; raise `KeyboardInterrupt` if one was asked for before."""
        if self.is_asked:
            raise KeyboardInterrupt
        if signal.getsignal(signal.SIGINT) is self:
            signal.signal(signal.SIGINT, signal.default_int_handler)


STARTING = Interruption()
"""What interrupts until a command begins, while everything is still being imported."""


def start() -> None:
    """Run the command that the arguments name; Ctrl-C counts from here on."""
    gc.set_threshold(_GC_THRESHOLD, *gc.get_threshold()[1:])
    try:
        STARTING.begin()
        from entrypoints.cli.main import main
    except KeyboardInterrupt:
        sys.exit(130)
    main()
