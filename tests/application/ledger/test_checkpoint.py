from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.memory import ManualClock
from adapters.security.signer import FileSigner, is_signed
from application.ledger.checkpoint import CheckpointInvalid, read_checkpoint, take_checkpoint
from domain.shared.chain import canonical_json
from tests.application.stored_log import SLUG, StoredLog, chained
from tests.builders import principal


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    return FileSigner(tmp_path / "key.pem")


@pytest.fixture
async def document(signer: FileSigner) -> dict[str, Any]:
    checkpoint = await take_checkpoint(StoredLog(chained(3)), signer, ManualClock(), principal(), SLUG)
    return checkpoint.document()


async def test_a_checkpoint_says_where_the_log_stands_and_who_signed_it_when(
    document: dict[str, Any], signer: FileSigner
) -> None:
    assert document["ledger"] == SLUG
    assert document["sequence"] == 3
    assert document["hash"] == chained(3)[-1].hash.hex()
    assert document["signed_at"] == "2026-11-24T10:00:00.000000Z"
    assert document["algorithm"] == "Ed25519"
    assert document["key_id"] == signer.key_id
    assert b64decode(document["public_key"]) == signer.public_key


async def test_its_signature_is_ed25519_over_the_canonical_json_of_the_other_fields(document: dict[str, Any]) -> None:
    others = {name: value for name, value in document.items() if name != "signature"}
    key = Ed25519PublicKey.from_public_bytes(b64decode(document["public_key"]))
    key.verify(b64decode(document["signature"]), rfc8785.dumps(others))


async def test_a_checkpoint_is_read_as_it_was_taken(document: dict[str, Any]) -> None:
    assert read_checkpoint(document, is_signed).document() == document


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ledger", "other"),
        ("sequence", 2),
        ("hash", "00" * 32),
        ("signed_at", "2026-11-24T10:00:01.000000Z"),
        ("something_new", 1),
    ],
)
async def test_a_changed_checkpoint_is_not_taken(document: dict[str, Any], name: str, value: object) -> None:
    with pytest.raises(CheckpointInvalid, match="changed after it was signed"):
        read_checkpoint(document | {name: value}, is_signed)


async def test_a_checkpoint_of_someone_else_cannot_bear_the_name_of_a_key(
    document: dict[str, Any], tmp_path: Path
) -> None:
    forger = FileSigner(tmp_path / "forged.pem")
    forged = document | {"public_key": b64encode(forger.public_key).decode(), "hash": "00" * 32}
    del forged["signature"]
    forged["signature"] = b64encode(forger.sign(canonical_json(forged))).decode()
    with pytest.raises(CheckpointInvalid, match="key_id is not that of its public key"):
        read_checkpoint(forged, is_signed)


@pytest.mark.parametrize(
    "broken",
    [
        [],
        "text",
        {},
        {"algorithm": "none"},
        {"algorithm": "Ed25519"},
    ],
)
async def test_what_is_no_checkpoint_is_not_taken(broken: object) -> None:
    with pytest.raises(CheckpointInvalid, match="not a checkpoint"):
        read_checkpoint(broken, is_signed)


@pytest.mark.parametrize(
    ("name", "value"), [("hash", "zz"), ("sequence", "three"), ("signed_at", 5), ("signature", "?")]
)
async def test_fields_of_the_wrong_form_are_not_taken(document: dict[str, Any], name: str, value: object) -> None:
    with pytest.raises(CheckpointInvalid, match="not a checkpoint"):
        read_checkpoint(document | {name: value}, is_signed)


async def test_a_field_that_a_later_version_adds_is_covered_by_its_signature(
    document: dict[str, Any], signer: FileSigner
) -> None:
    del document["signature"]
    document["note"] = "new"
    signature = signer.sign(canonical_json(document))
    later = document | {"signature": b64encode(signature).decode()}
    assert read_checkpoint(later, is_signed).sequence == 3
