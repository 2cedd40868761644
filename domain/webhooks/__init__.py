"""Webhooks: who is told of events, at which URL, and how often that is tried."""
