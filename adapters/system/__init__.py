"""What this machine gives: the time, and ids that nobody else draws."""
