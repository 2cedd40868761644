"""Headers that every answer carries: they keep browsers from misusing it, and tell what is left of rate limits."""

import base64
import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from math import ceil
from time import monotonic
from typing import Final

from application.shared.rate_limits import Meter
from entrypoints.schemas.strict_headers import NO_REFERRER, NO_SNIFFING, NO_STORE, POLICY, STRICT_POLICY

Headers = list[tuple[bytes, bytes]]

TRANSPORT_SECONDS: Final = 365 * 24 * 3600

_TRANSPORT: Final = (b"strict-transport-security", b"max-age=%d" % TRANSPORT_SECONDS)
# What is the same for everybody, and may be kept by whoever gets it.
_PUBLIC: Final = ("/docs", "/swagger/", "/problems", "/openapi.json", "/.well-known/")
_INLINE = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)


def completed(headers: Headers, path: str, scheme: str, own: Headers, meters: Iterable[Meter]) -> Headers:
    """Return the headers of an answer, with `own` and with all that it does not state itself."""
    names = {name for name, _ in headers}
    found = [*headers, *own, NO_SNIFFING]
    if b"referrer-policy" not in names:
        found.append(NO_REFERRER)
    if b"content-security-policy" not in names:
        found.append(POLICY)
    if b"cache-control" not in names and not path.startswith(_PUBLIC):
        found.append(NO_STORE)
    if scheme == "https":
        found.append(_TRANSPORT)
    if meters:
        now = monotonic()
        policies = [_policy(rule.policy, rule.quota, rule.window_seconds) for rule in [meter.rule for meter in meters]]
        found.append((b"ratelimit-policy", b", ".join(policies)))
        found.append((b"ratelimit", ", ".join([_left(meter, now) for meter in meters]).encode()))
    return found


@lru_cache(maxsize=1_024)  # organisations have quotas of their own
def _policy(name: str, quota: int, window_seconds: int) -> bytes:
    return f'"{name}";q={quota};w={window_seconds}'.encode()


def _left(meter: Meter, now: float) -> str:
    """Return what is left as of the last lease, and of it; in how many seconds the window ends."""
    seconds = ceil(meter.ends_at - now)
    return f'"{meter.rule.policy}";r={meter.left + meter.permits};t={max(seconds, 0)}'


def page_policy(page: str, *, loads: str = "") -> str:
    """Return the Content-Security-Policy of a page: the styles and scripts that stand in it, and what it `loads`.

    Those are named by their digests, so that nothing that gets into the page otherwise is run.
    """
    sources: dict[str, list[str]] = {"style": [], "script": []}
    for tag, content in _INLINE.findall(page):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        sources[tag].append(f"'sha256-{digest}'")
    own = f" {loads}" if loads else ""
    allowed = [f"{tag}-src{own} {' '.join(digests)}".rstrip() for tag, digests in sources.items() if digests or loads]
    if loads:
        allowed += [f"img-src {loads} data:", f"connect-src {loads}", f"font-src {loads}"]
    return "; ".join([*allowed, STRICT_POLICY])
