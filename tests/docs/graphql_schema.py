"""The schema of GraphQL as it is kept in docs/schema.graphql: `python -m tests.docs.graphql_schema` writes it anew.

What it promises is not taken back: a schema that would break clients is not written, unless with `--breaking`.
"""

import sys
from typing import Any, Final

from graphql import build_schema
from graphql.utilities import find_breaking_changes

from entrypoints.http.graphql.schema import schema
from tests.docs.pages import ROOT

KEPT: Final = ROOT / "docs" / "schema.graphql"


def printed() -> str:
    """Return the schema as the code has it."""
    return f"{schema.as_str().strip()}\n"


def broken(kept: str, now: str) -> list[str]:
    """Return what clients of the one schema could not rely on in the other."""
    of: Any = build_schema
    return [change.description for change in find_breaking_changes(of(kept), of(now))]


def main() -> None:
    """Write it anew."""
    changes = broken(KEPT.read_text("utf-8"), printed()) if KEPT.exists() else []
    if changes and "--breaking" not in sys.argv:
        sys.exit("This would break clients:\n" + "\n".join(changes))
    KEPT.write_text(printed(), "utf-8")


if __name__ == "__main__":
    main()
