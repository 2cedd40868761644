"""An example of a scanner, which keeps the contract."""

from collections.abc import AsyncIterator

import pytest

from entrypoints.testing.scanners import ScannerContract

WORD = b"X5O!P%@AP-EXAMPLE"


class WordScanner:
    """Finds a word, however the content is cut into pieces."""

    async def finding(self, content: AsyncIterator[bytes]) -> str | None:
        tail = b""
        async for part in content:
            seen = tail + part
            if WORD in seen:
                return "a word that is not allowed"
            tail = seen[-len(WORD) :]
        return None


class TestWordScanner(ScannerContract):
    @pytest.fixture
    def scanner(self) -> WordScanner:
        return WordScanner()

    @pytest.fixture
    def harmless(self) -> bytes:
        return b"Thank you for your order." * 3

    @pytest.fixture
    def harmful(self) -> bytes:
        return b"Click " + WORD
