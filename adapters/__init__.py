"""Adapters: how it is done, one folder per technology."""
