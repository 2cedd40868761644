"""What every use-case relies on: the clock, ids, units of work, idempotency and pages."""
