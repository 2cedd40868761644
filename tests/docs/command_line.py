"""`partita` as a program that starts in no time: a process in which everything is imported forks for each command.

To import all of it takes longer than most commands do, and the pages have dozens of them. What forks is the program
itself, with the arguments, folder, environment, input and output of whoever calls it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NoReturn

from tests.docs.pages import ROOT

_CALL_BYTES: Final = 1 << 16
_CALLER: Final = """\
#!{python} -IS
import json, os, socket, sys
call = socket.socket(socket.AF_UNIX)
call.connect({address!r})
socket.send_fds(call, [json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()], [0, 1, 2])
sys.exit(int(call.recv(8) or b"1"))
"""


@contextmanager
def forking() -> Iterator[Path]:
    """Start the process, and give the folder of a program `partita` that has it run commands."""
    with (
        TemporaryDirectory() as name,  # whose path is short enough for a socket's
        subprocess.Popen(
            [sys.executable, "-m", __name__, f"{name}/commands"], cwd=ROOT, stdout=subprocess.PIPE
        ) as process,
    ):
        folder = Path(name)
        program = folder / "partita"
        program.write_text(_CALLER.format(python=sys.executable, address=f"{name}/commands"))
        program.chmod(0o700)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield folder
        finally:
            process.kill()


def _fork_for_callers(address: str) -> NoReturn:
    import entrypoints.cli.main
    import entrypoints.container  # noqa: F401 # It is all that commands use, and they import it late.

    callers = socket.socket(socket.AF_UNIX)
    callers.bind(address)
    callers.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        caller, _ = callers.accept()
        if os.fork() == 0:
            _run(caller)
        caller.close()


def _run(caller: socket.socket) -> NoReturn:
    from entrypoints.cli import start

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    call, descriptors, _, _ = socket.recv_fds(caller, _CALL_BYTES, 3)
    arguments, folder, environment = json.loads(call)
    for standard, descriptor in enumerate(descriptors):
        os.dup2(descriptor, standard)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    code = 0
    try:
        start()
    except SystemExit as end:
        code = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    caller.send(str(code).encode())
    os._exit(0)


if __name__ == "__main__":
    _fork_for_callers(sys.argv[1])
