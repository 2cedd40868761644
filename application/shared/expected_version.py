"""Optimistic locking: a change says which version it was based on."""

from domain.shared.errors import VersionConflict


def require_version(what: str, version: int, expected: int | None) -> None:
    """Return if `version` is the one expected (None expects any); else raise `VersionConflict`."""
    if expected is not None and version != expected:
        raise VersionConflict(f"{what} is at version {version}, not {expected}: someone changed it since.")
