"""Headers of an answer that no browser is to read anything into, keep, or follow."""

from typing import Final

STRICT_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")
NO_REFERRER: Final = (b"referrer-policy", b"no-referrer")
POLICY: Final = (b"content-security-policy", STRICT_POLICY.encode())
NO_STORE: Final = (b"cache-control", b"no-store")
