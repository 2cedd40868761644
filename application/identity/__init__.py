"""Use-cases of organisations and their API keys."""
