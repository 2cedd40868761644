"""The commands that the README names are there. That its tour is run as it stands is seen to by `test_blocks.py`."""

import re

from tests.docs.pages import ROOT


def test_the_commands_that_it_names_are_there() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)\b", readme, flags=re.MULTILINE))
    assert {"run", "test", "bench"} <= named <= targets
