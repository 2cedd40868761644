"""Metadata and other JSON, as rows hold it."""

import json
from hashlib import sha256
from typing import Any


def metadata_digest(key: str, value: str) -> bytes:
    """Return what stands for a key and its value in `metadata_values`."""
    return sha256(f"{len(key)}:{key}{value}".encode()).digest()


def to_json(value: Any) -> str:
    """Return JSON for a `jsonb` column."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
