"""Webhooks on PostgreSQL."""
