"""Programs that tests need, of the system's package manager."""

import os
import subprocess
from collections.abc import Sequence
from shutil import which


def install(package: str, names: Sequence[str]) -> str | None:
    """Install a package where the package manager has it and may, unless a program of these names is there.

    Returns why that could not be, or None.
    """
    if any(map(which, names)):
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
