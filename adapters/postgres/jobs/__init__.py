"""Jobs of organisations on PostgreSQL."""
