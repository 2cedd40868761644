"""arq: a queue on Redis, or Valkey."""
