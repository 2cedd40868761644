"""Extensions: packages of their own that add to Partita. See docs/extending.md."""

from entrypoints.extending.extension import (
    EventHandler,
    Extension,
    ExtensionServices,
    LedgerJob,
)

__all__ = ["EventHandler", "Extension", "ExtensionServices", "LedgerJob"]
