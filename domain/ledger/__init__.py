"""The core: one set of books, whose every change is an event in a chain."""
