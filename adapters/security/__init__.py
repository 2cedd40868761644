"""Keys, signatures and randomness."""
