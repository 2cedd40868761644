"""Organisations, and who may act for them."""
