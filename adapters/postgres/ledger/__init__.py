"""Ledgers on PostgreSQL: groups, projections and readers."""
