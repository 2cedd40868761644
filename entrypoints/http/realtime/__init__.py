"""The realtime interface: a WebSocket over which clients follow ledgers and watch balances."""
