"""An Ed25519 key in a PEM file: signatures, and secrets derived from it."""

import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from application.shared.key_id import thumbprint

_DERIVED_BYTES: Final = 32


class SigningKeyUnusable(Exception):
    """The file does not hold a key that can sign; the message says why and what to do."""


class FileSigner:
    """Signs with the private key in a file."""

    def __init__(self, file: Path) -> None:
        """Read the key in `file`; where there is none, make it, for its owner's eyes only.

        Processes that start at the same time end up with the same key. Raises `SigningKeyUnusable`.
        """
        self._key = _read(file)
        self.public_key: bytes = self._key.public_key().public_bytes_raw()
        self.key_id: str = thumbprint(self.public_key)

    def sign(self, content: bytes) -> bytes:
        return self._key.sign(content)

    def derive(self, purpose: str) -> bytes:
        derivation = HKDF(SHA256(), _DERIVED_BYTES, salt=None, info=f"partita {purpose}".encode())
        return derivation.derive(self._key.private_bytes_raw())


def is_signed(public_key: bytes, content: bytes, signature: bytes) -> bool:
    """Return whether the signature is that of the Ed25519 key over the bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _read(file: Path) -> Ed25519PrivateKey:
    try:
        try:
            pem = file.read_bytes()
        except FileNotFoundError:
            _make(file)
            pem = file.read_bytes()
        key = load_pem_private_key(pem, password=None)
    except OSError as error:
        raise SigningKeyUnusable(
            f"The signing key {file} cannot be used: {error.strerror or error}. See that you may read it, or name "
            "another file in PARTITA_SIGNING_KEY_FILE."
        ) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningKeyUnusable(f"{file} does not hold an unencrypted private key in PEM form.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyUnusable(f"{file} holds a private key of another kind than Ed25519.")
    return key


def _make(file: Path) -> None:
    """Put a new key there, all at once, unless someone else was quicker."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as stream:
            stream.write(pem)
            stream.flush()
            os.fsync(descriptor)
        # A link, unlike a renaming, never takes the place of what is there.
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
