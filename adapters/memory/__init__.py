"""The write side of ledgers in memory: for fast tests, and as an example of the ports for who writes an adapter."""

from adapters.memory.agenda import MemoryAgenda
from adapters.memory.books import MemoryBooks
from adapters.memory.clock import ManualClock
from adapters.memory.ids import CountedIds

__all__ = ["CountedIds", "ManualClock", "MemoryAgenda", "MemoryBooks"]
