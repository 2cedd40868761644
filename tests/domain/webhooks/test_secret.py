"""Signatures by Standard Webhooks, checked by its own library."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from domain.webhooks.secret import secret_bytes, secret_text, signature_header

RANDOM = bytes(range(32))
OTHER = bytes(32)
# https://www.standardwebhooks.com has one of these in its tests.
KNOWN_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KNOWN_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(signature: str, seconds: int) -> dict[str, str]:
    return {"webhook-id": "msg_1", "webhook-timestamp": str(seconds), "webhook-signature": signature}


def test_the_known_signature_is_made() -> None:
    body = b'{"test": 2432232314}'
    signature = signature_header([secret_bytes(KNOWN_SECRET)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body)
    assert signature == KNOWN_SIGNATURE


@pytest.mark.parametrize("secret", [RANDOM, OTHER])
def test_each_of_several_secrets_checks_what_is_sent(secret: bytes) -> None:
    seconds = int(datetime.now(UTC).timestamp())
    signature = signature_header([RANDOM, OTHER], "msg_1", seconds, b'{"a": 1}')
    assert Webhook(secret_text(secret)).verify(b'{"a": 1}', headers(signature, seconds)) == {"a": 1}


def test_a_changed_body_a_changed_id_and_another_secret_are_seen() -> None:
    seconds = int(datetime.now(UTC).timestamp())
    sent = headers(signature_header([RANDOM], "msg_1", seconds, b"{}"), seconds)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(RANDOM)).verify(b"{ }", sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(RANDOM)).verify(b"{}", sent | {"webhook-id": "msg_2"})
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(OTHER)).verify(b"{}", sent)


def test_the_text_of_a_secret_can_be_read_again() -> None:
    assert secret_text(RANDOM).startswith("whsec_")
    assert secret_bytes(secret_text(RANDOM)) == RANDOM
    with pytest.raises(ValueError, match="secret"):
        secret_bytes("whsec_!")
