"""PostgreSQL: where organisations and their ledgers are kept. Nothing that is mapped here leaves this folder."""
