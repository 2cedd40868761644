"""Organisations and their API keys on PostgreSQL."""
