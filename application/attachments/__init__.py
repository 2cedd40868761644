"""Attachments: taking files in, giving them out, and erasing them."""
