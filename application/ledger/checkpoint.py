"""Checkpoints: where a ledger's log stood, signed, to be kept by someone else.

Whoever holds a checkpoint can tell afterwards that the log was cut off or written anew, even by those who own the
database. A signature covers the RFC 8785 canonical JSON of all the other fields.
"""

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from application.ledger.log import read_head
from application.ledger.readers import LedgerReads
from application.shared.key_id import thumbprint
from application.shared.ports import Clock, SignatureCheck, Signer, Work
from domain.shared.access import Principal
from domain.shared.chain import canonical_json, format_time, parse_time

ALGORITHM: Final = "Ed25519"


class CheckpointInvalid(Exception):
    """A document is no checkpoint, or not as it was signed. For whoever verifies, no refusal."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A sequence of a ledger with its hash (32 bytes), and who signed it when. Times are UTC."""

    ledger: str
    sequence: int
    hash: bytes
    recorded_at: datetime
    signed_at: datetime
    key_id: str
    public_key: bytes
    signature: bytes

    def document(self) -> dict[str, Any]:
        """Return it as JSON: the hash in hexadecimal, key and signature in base 64."""
        statement = _statement(
            self.ledger, self.sequence, self.hash, self.recorded_at, self.signed_at, self.key_id, self.public_key
        )
        return statement | {"signature": b64encode(self.signature).decode()}


async def take_checkpoint(
    work: Work[LedgerReads, object], signer: Signer, clock: Clock, principal: Principal, slug: str
) -> Checkpoint:
    """Return where the ledger's log stands, signed. Raises `PermissionDenied`, `LedgerNotFound`."""
    head = await read_head(work, principal, slug)
    signed_at = clock.now()
    key_id, public_key = signer.key_id, signer.public_key
    statement = _statement(slug, head.sequence, head.hash, head.recorded_at, signed_at, key_id, public_key)
    signature = signer.sign(canonical_json(statement))
    return Checkpoint(slug, head.sequence, head.hash, head.recorded_at, signed_at, key_id, public_key, signature)


def read_checkpoint(document: Any, is_signed: SignatureCheck) -> Checkpoint:
    """Return the checkpoint that a JSON document is, its signature shown to be good; else `CheckpointInvalid`."""
    if not isinstance(document, dict) or document.get("algorithm") != ALGORITHM:
        raise CheckpointInvalid(f"It is not a checkpoint signed with {ALGORITHM}.")
    try:
        checkpoint = Checkpoint(
            ledger=str(document["ledger"]),
            sequence=int(document["sequence"]),
            hash=bytes.fromhex(document["hash"]),
            recorded_at=parse_time(document["recorded_at"]),
            signed_at=parse_time(document["signed_at"]),
            key_id=str(document["key_id"]),
            public_key=b64decode(document["public_key"], validate=True),
            signature=b64decode(document["signature"], validate=True),
        )
        # As it stands, so that a field which a later version adds is covered by its signature, too.
        signed = canonical_json({name: value for name, value in document.items() if name != "signature"})
    except KeyError as error:
        raise CheckpointInvalid(f"It is not a checkpoint: the field {error} is missing.") from error
    except (TypeError, ValueError, binascii.Error) as error:
        raise CheckpointInvalid(f"It is not a checkpoint: {error}.") from error
    if thumbprint(checkpoint.public_key) != checkpoint.key_id:
        raise CheckpointInvalid("Its key_id is not that of its public key.")
    if not is_signed(checkpoint.public_key, signed, checkpoint.signature):
        raise CheckpointInvalid("Its signature does not match what it says: it was changed after it was signed.")
    return checkpoint


def _statement(
    ledger: str,
    sequence: int,
    hash: bytes,
    recorded_at: datetime,
    signed_at: datetime,
    key_id: str,
    public_key: bytes,
) -> dict[str, Any]:
    return {
        "ledger": ledger,
        "sequence": sequence,
        "hash": hash.hex(),
        "recorded_at": format_time(recorded_at),
        "signed_at": format_time(signed_at),
        "algorithm": ALGORITHM,
        "key_id": key_id,
        "public_key": b64encode(public_key).decode(),
    }
