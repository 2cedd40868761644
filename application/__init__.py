"""What can be done with a ledger server: use-cases, and the ports that they need."""
