import stat
import subprocess
import sys
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.security.signer import FileSigner, SigningKeyUnusable, is_signed
from application.shared.key_id import thumbprint
from application.shared.ports import SignatureCheck, Signer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "signing-key.pem"


def test_the_first_start_makes_a_key_for_its_owners_eyes_only(file: Path) -> None:
    FileSigner(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("-----BEGIN PRIVATE KEY-----\n")
    assert list(file.parent.iterdir()) == [file]


def test_later_starts_find_it_again(file: Path) -> None:
    first, second = FileSigner(file), FileSigner(file)
    assert (first.key_id, first.public_key) == (second.key_id, second.public_key)
    assert first.derive("cursors") == second.derive("cursors")


def test_processes_that_start_at_once_end_up_with_the_same_key(file: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from adapters.security.signer import FileSigner; input(); "
        "print(FileSigner(Path(sys.argv[1])).key_id)"
    )
    root = Path(__file__).parents[3]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, file], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    key_ids = {process.communicate()[0] for process in processes}
    assert key_ids == {FileSigner(file).key_id + "\n"}


def test_a_signature_holds_for_its_key_and_bytes_alone(file: Path) -> None:
    signer: Signer = FileSigner(file)
    check: SignatureCheck = is_signed
    signature = signer.sign(b"what is said")
    assert check(signer.public_key, b"what is said", signature)
    assert not check(signer.public_key, b"what is not", signature)
    assert not check(FileSigner(file.with_name("other.pem")).public_key, b"what is said", signature)
    assert not check(b"too short", b"what is said", signature)
    assert not check(signer.public_key, b"what is said", b"too short")


def test_a_signature_is_that_of_rfc_8032() -> None:
    # RFC 8032, section 7.1, test 2.
    public_key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert is_signed(public_key, b"\x72", signature)


def test_a_key_is_known_by_the_thumbprint_of_rfc_8037() -> None:
    # RFC 8037, appendix A.3.
    public_key = urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert thumbprint(public_key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_secrets_for_different_purposes_have_nothing_in_common(file: Path) -> None:
    signer = FileSigner(file)
    assert signer.derive("cursors") != signer.derive("sessions")
    assert len(signer.derive("cursors")) == 32
    assert FileSigner(file.with_name("other.pem")).derive("cursors") != signer.derive("cursors")


def test_a_file_that_holds_no_key_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("precious")
    with pytest.raises(SigningKeyUnusable, match="does not hold an unencrypted private key"):
        FileSigner(file)
    assert file.read_text() == "precious"


def test_a_key_of_another_kind_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    key = generate_private_key(SECP256R1())
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(SigningKeyUnusable, match="of another kind than Ed25519"):
        FileSigner(file)


def test_a_place_where_no_file_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SigningKeyUnusable, match=r"key\.pem cannot be used: Not a directory"):
        FileSigner(tmp_path / "file" / "key.pem")
