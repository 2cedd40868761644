"""Text that people give us: names, descriptions, references and metadata."""

import re
from collections.abc import Mapping

from domain.shared.errors import ValidationFailed

METADATA_KEYS_MAX = 64
METADATA_KEY_LENGTH_MAX = 64
METADATA_VALUE_LENGTH_MAX = 1_000
REASON_LENGTH_MAX = 1_000

# PostgreSQL stores neither NUL nor half of a surrogate pair, and no chain could ever hash them.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Return whether `text` has neither NUL nor lone surrogates, so that it can be stored and looked for."""
    return _UNSTORABLE.search(text) is None


def checked_text(text: str, *, what: str, length_max: int, pointer: str | None = None) -> str:
    """Return `text` if it can be stored: at most `length_max` characters, no NUL and no lone surrogates.

    Raises `ValidationFailed`.
    """
    if len(text) > length_max:
        raise ValidationFailed(f"{what} has {len(text):,} characters; at most {length_max:,} fit.", pointer=pointer)
    if not is_storable(text):
        raise ValidationFailed(f"{what} contains a NUL or half of a surrogate pair.", pointer=pointer)
    return text


def checked_name(text: str, *, what: str, length_max: int, pointer: str | None = None) -> str:
    """Return `text` if it can serve as a name on one line: not empty, no control characters.

    Raises `ValidationFailed`.
    """
    if not text.strip():
        raise ValidationFailed(f"{what} is empty.", pointer=pointer)
    if _CONTROL.search(text):
        raise ValidationFailed(f"{what} contains a control character or half of a surrogate pair.", pointer=pointer)
    return checked_text(text, what=what, length_max=length_max, pointer=pointer)


def checked_reason(reason: str, *, is_required: bool = True) -> str:
    """Return why something is done, if that can be stored: up to 1,000 characters, some of them not blank.

    Raises `ValidationFailed`.
    """
    if is_required and not reason.strip():
        raise ValidationFailed("The reason is empty: say why, for those who read the log.", pointer="/reason")
    return checked_text(reason, what="The reason", length_max=REASON_LENGTH_MAX, pointer="/reason")


def checked_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return a flat map of at most 64 keys (64 characters) to texts (1,000 characters), as `api.md` promises.

    Raises `ValidationFailed`, naming the key to blame.
    """
    if not metadata:
        return {}
    if len(metadata) > METADATA_KEYS_MAX:
        raise ValidationFailed(
            f"Metadata has {len(metadata)} keys; at most {METADATA_KEYS_MAX} fit.", pointer="/metadata"
        )
    for key, value in metadata.items():
        pointer = "/metadata/" + key.replace("~", "~0").replace("/", "~1")
        checked_name(key, what="A metadata key", length_max=METADATA_KEY_LENGTH_MAX, pointer="/metadata")
        checked_text(
            value, what=f"The metadata value of {key!r}", length_max=METADATA_VALUE_LENGTH_MAX, pointer=pointer
        )
    return dict(metadata)


def merged_metadata(current: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return `current` with `changes` laid over it; a key changed to None is taken out (RFC 7396).

    Raises `ValidationFailed` when the result breaks a rule of `checked_metadata`.
    """
    merged = {**current, **changes}
    return checked_metadata({key: value for key, value in merged.items() if value is not None})
