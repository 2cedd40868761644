"""Randomness that nobody can guess."""

import secrets


class SystemSecrets:
    """Draws from the operating system."""

    def random_bytes(self, length: int) -> bytes:
        return secrets.token_bytes(length)
