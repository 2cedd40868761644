"""What is sealed is opened by who has the secret, in the context that it was sealed in, and by nobody else."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from adapters.security.sealing import ChaChaSealing

SECRET, CONTEXT = b"s" * 32, b"ticket 1"


def test_what_was_sealed_is_opened_again() -> None:
    for text in (b"", b"ptk_1_secret", b"\x00" * 10_000):
        assert ChaChaSealing(SECRET).open(ChaChaSealing(SECRET).seal(text, CONTEXT), CONTEXT) == text


def test_it_is_chacha20_poly1305_after_its_nonce() -> None:
    sealed = ChaChaSealing(SECRET).seal(b"text", CONTEXT)
    assert ChaCha20Poly1305(SECRET).decrypt(sealed[:12], sealed[12:], CONTEXT) == b"text"


def test_the_same_is_never_sealed_alike() -> None:
    sealing = ChaChaSealing(SECRET)
    assert len({sealing.seal(b"text", CONTEXT) for _ in range(100)}) == 100


def test_another_secret_another_context_and_any_changed_bit_open_nothing() -> None:
    sealed = ChaChaSealing(SECRET).seal(b"text", CONTEXT)
    assert ChaChaSealing(b"t" * 32).open(sealed, CONTEXT) is None
    assert ChaChaSealing(SECRET).open(sealed, b"ticket 2") is None
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        assert ChaChaSealing(SECRET).open(changed, CONTEXT) is None


@pytest.mark.parametrize("length", [0, 11, 12, 27])
def test_what_is_too_short_opens_nothing(length: int) -> None:
    assert ChaChaSealing(SECRET).open(b"x" * length, CONTEXT) is None
