"""Interchange: whole logs out, transactions of other programs in."""
