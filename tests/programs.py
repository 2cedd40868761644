"""Programs that tests need, of the system's package manager."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import which
from typing import Final

import pytest

# Where it is set, a test whose program is not there fails, instead of being skipped: nobody reads what was skipped.
STRICTNESS: Final = "TESTS_REQUIRE_PROGRAMS"
# Where the programs of servers are, which others than root do not look through.
_SEARCHED: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


def require(package: str | None, *names: str) -> Path:
    """Return the program with one of these names, which is installed where that can be; else skip the test, or fail.

    Without a package there is none that has it.
    """
    reason = f"there is no {names[0]} here" if package is None else install(package, names)
    found = find(*names)
    if found is None:
        (pytest.fail if os.environ.get(STRICTNESS) else pytest.skip)(reason or f"{package} has no {names[0]}")
    return found


def find(*names: str) -> Path | None:
    """Return the first of these programs that is there."""
    return next((Path(path) for name in names if (path := which(name, path=_SEARCHED))), None)


def install(package: str, names: Sequence[str]) -> str | None:
    """Install a package where the package manager has it and may, unless a program of these names is there.

    Returns why that could not be, or None.
    """
    if find(*names):
        return None
    by_hand = f"{package} is not installed (Debian and Ubuntu: apt-get install {package})"
    if which("apt-get") is None or os.geteuid() != 0:
        return by_hand
    # Other workers of the same test run may be at it.
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=60"]
    command = [*apt, "install", "--yes", "--no-install-recommends", package]
    try:
        if not _succeeds(command):
            # A new machine has no list of packages yet.
            _succeeds([*apt, "update"])
            if not _succeeds(command):
                return f"{by_hand}; the package manager could not install it"
    except (subprocess.SubprocessError, OSError) as error:
        return f"{by_hand}; the package manager could not install it: {error}"
    return None


def _succeeds(command: Sequence[str]) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=180).returncode == 0
