"""A real browser without a window, which opens a page and lets it run."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests import programs

_NAMES: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def require() -> Path:
    """Return where Chromium is, which is installed where that can be; else skip the test, or fail."""
    return programs.require(_NAMES[0], *_NAMES)


@contextmanager
def opened(url: str) -> Iterator[None]:
    """Have the page at the URL open."""
    binary = require()
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [str(binary), "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0"]
        # Root has no sandbox; and no proxy of this machine is to be asked for what is on it.
        command += ["--no-sandbox", "--no-proxy-server", f"--user-data-dir={folder}", url]
        with (Path(folder) / "log").open("wb") as log:
            # What is installed may be a script that starts the browser, which does not end with it: a group of its own.
            browser = subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | {"HOME": folder}, start_new_session=True
            )
            try:
                yield
            finally:
                os.killpg(browser.pid, signal.SIGKILL)
                browser.wait(10)
