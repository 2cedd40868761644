"""Run pytest, and say which lines and branches of Partita nothing reached: `python -m tests.measured -n 2`."""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import slipcover
from slipcover.config import read_config

from tests.measured.sitecustomize import ROOT, measure


def main() -> int:
    """Run the tests with these arguments, and return pytest's exit code."""
    config = read_config(ROOT / "pyproject.toml")
    with TemporaryDirectory() as folder:
        python_path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(python_path)
        os.environ["MEASURED_INTO"] = folder
        os.environ["MEASURED_PARTS"] = " ".join(config["source"])
        if not any(argument.startswith("-n") for argument in sys.argv):
            measure(Path(folder), config["source"])  # there are no workers, and the tests run in this process
        code = int(pytest.main(sys.argv[1:]))
        if code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            report(Path(folder), config)
    return code


def report(folder: Path, config: dict[str, list[str]]) -> None:
    """Print what is missing in all that the processes wrote down."""
    os.chdir(ROOT)
    found = slipcover.Slipcover(
        branch=True, source=config["source"], exclude_also=config["exclude-also"]
    ).get_coverage()
    for written in sorted(folder.glob("*.json")):
        slipcover.merge_coverage(found, json.loads(written.read_text()))
    slipcover.print_coverage(found, skip_covered=True, missing_width=60)


if __name__ == "__main__":
    sys.exit(main())
