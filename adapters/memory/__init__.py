"""The write side of ledgers, and more, in memory: for fast tests, and as examples for who writes an adapter."""

from adapters.memory.agenda import MemoryAgenda
from adapters.memory.books import MemoryBooks
from adapters.memory.clock import ManualClock
from adapters.memory.ids import CountedIds
from adapters.memory.mailbox import MemoryMailbox
from adapters.memory.token_keys import MemoryTokenKeys

__all__ = ["CountedIds", "ManualClock", "MemoryAgenda", "MemoryBooks", "MemoryMailbox", "MemoryTokenKeys"]
