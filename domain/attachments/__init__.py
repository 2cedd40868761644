"""Attachments: what files may be called, what they may be served as, and what is refused of them."""
