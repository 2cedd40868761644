"""Redis, or Valkey."""
