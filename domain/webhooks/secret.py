"""What webhooks are signed with, by the rules of Standard Webhooks (symmetric signatures, version 1)."""

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

RANDOM_BYTES: Final = 32
_PREFIX: Final = "whsec_"


def secret_text(random: bytes) -> str:
    """Return the text of the secret that these 32 random bytes are: `whsec_`, and them in base64."""
    assert len(random) == RANDOM_BYTES
    return _PREFIX + b64encode(random).decode()


def secret_bytes(text: str) -> bytes:
    """Return the bytes of a secret's text. Raises `ValueError`."""
    try:
        return b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("it is no secret of a webhook") from error


def signature_header(secrets: Iterable[bytes], message_id: str, timestamp_seconds: int, body: bytes) -> str:
    """Return the header `webhook-signature`: a signature with each of the secrets, so that any one of them checks it.

    What is signed is `<id>.<timestamp>.<body>`, with HMAC-SHA256.
    """
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp_seconds, body)
    return " ".join(f"v1,{b64encode(hmac.digest(secret, signed, sha256)).decode()}" for secret in secrets)
