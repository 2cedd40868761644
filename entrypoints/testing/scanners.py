"""What every `Scanner` promises. Subclass it, in a class whose name begins with `Test`, and give the three fixtures."""

from collections.abc import AsyncIterator, Iterator

import pytest

from application.attachments.ports import Scanner
from domain.shared.stable import stable


async def pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    """The content as it comes from a store."""
    for at in range(0, len(content), size):
        yield content[at : at + size]


@stable(since="0.2.0")
class ScannerContract:
    """A scanner says what is wrong with a content, wherever that stands in it, and however it comes."""

    @pytest.fixture
    def scanner(self) -> Scanner:
        """The scanner under test."""
        raise NotImplementedError

    @pytest.fixture
    def harmless(self) -> bytes:
        """What it lets pass."""
        raise NotImplementedError

    @pytest.fixture
    def harmful(self) -> bytes:
        """What it finds something in."""
        raise NotImplementedError

    def sizes(self, content: bytes) -> Iterator[int]:
        """Of how many bytes pieces are."""
        yield from (1, 7, len(content) + 1)

    async def test_it_finds_nothing_in_what_is_harmless(self, scanner: Scanner, harmless: bytes) -> None:
        for size in self.sizes(harmless):
            assert await scanner.finding(pieces(harmless, size)) is None

    async def test_it_names_what_is_wrong_in_one_line(self, scanner: Scanner, harmful: bytes) -> None:
        for size in self.sizes(harmful):
            finding = await scanner.finding(pieces(harmful, size))
            assert finding
            assert finding.isprintable()

    async def test_it_looks_to_the_end(self, scanner: Scanner, harmless: bytes, harmful: bytes) -> None:
        assert await scanner.finding(pieces(harmless + harmful, 7))

    async def test_it_takes_an_empty_content(self, scanner: Scanner) -> None:
        assert await scanner.finding(pieces(b"", 1)) is None

    async def test_what_it_found_before_makes_no_difference(
        self, scanner: Scanner, harmless: bytes, harmful: bytes
    ) -> None:
        assert await scanner.finding(pieces(harmful, 7))
        assert await scanner.finding(pieces(harmless, 7)) is None

    async def test_what_goes_wrong_with_the_content_is_not_taken_for_harmless(self, scanner: Scanner) -> None:
        async def breaking() -> AsyncIterator[bytes]:
            yield b"some"
            raise OSError("the store is away")

        with pytest.raises(OSError, match="away"):
            await scanner.finding(breaking())
