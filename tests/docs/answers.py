"""Whether what is printed is what a page shows, apart from what differs from one run to the next.

`…` in a page stands for anything: in a text, as a value, or as a member for all members that are not shown.
"""

import json
import re
from typing import Any, Final

_MASKS: Final = (
    (re.compile(r"\b([a-z]{3,4})_[0-9a-z]{26}\b"), r"\1_…"),
    (re.compile(r"\b(pt[a-z])_([0-9]+_)?[0-9A-Za-z]{38}"), r"\1_…"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"), "a time"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "a hash"),
    (re.compile(r"\bthe key [0-9A-Za-z_-]{43}\b"), "the key …"),
    (re.compile(r"\b127\.0\.0\.1:\d+"), "127.0.0.1:…"),
)
ANYTHING: Final = "…"


def masked(text: str) -> str:
    """Return the text without what differs from one run to the next."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text.strip()


def is_as_shown(answer: str, shown: str, *, is_json: bool) -> bool:
    """Return whether an answer is what the page shows."""
    if not is_json:
        return _text_is_as_shown(masked(answer), masked(shown))
    try:
        return _is_as_shown(json.loads(answer), json.loads(shown))
    except json.JSONDecodeError:
        return False


def _is_as_shown(answer: Any, shown: Any) -> bool:
    if shown == ANYTHING:
        return True
    if isinstance(shown, dict) and isinstance(answer, dict):
        named = shown.keys() - {ANYTHING}
        if not (named == answer.keys() or (ANYTHING in shown and named < answer.keys())):
            return False
        return all(_is_as_shown(answer[name], shown[name]) for name in named)
    if isinstance(shown, list) and isinstance(answer, list):
        return len(shown) == len(answer) and all(map(_is_as_shown, answer, shown))
    if isinstance(shown, str) and isinstance(answer, str):
        return _text_is_as_shown(masked(answer), masked(shown))
    return bool(answer == shown) and type(answer) is type(shown)


def _text_is_as_shown(answer: str, shown: str) -> bool:
    parts = (re.escape(part) for part in shown.split(ANYTHING))
    return re.fullmatch(".*?".join(parts), answer, flags=re.DOTALL) is not None
