"""Events as they are shown: the very bytes that were hashed, and the hashes."""

from application.ledger.readers import StoredEvent


def event_line(event: StoredEvent) -> bytes:
    """Return the event as a JSON object on one line, without a line break."""
    return b'%b,"previous_hash":"%b","hash":"%b"}' % (
        event.content[:-1],
        event.previous_hash.hex().encode(),
        event.hash.hex().encode(),
    )
