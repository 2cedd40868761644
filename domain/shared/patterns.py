"""Patterns of account paths."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.shared.errors import ValidationFailed
from domain.shared.paths import PATH_LENGTH_MAX, checked_path
from domain.shared.stable import stable

# Each further one multiplies the ways in which PostgreSQL's regular expressions may try a path.
DOUBLE_WILDCARDS_MAX: Final = 2


@dataclass(frozen=True, slots=True)
class Segments:
    """A path, cut up once for all the patterns that it is tried on; a set of places is the bits of an integer."""

    count: int
    places: dict[str, int]

    @staticmethod
    def of(path: str) -> "Segments":
        """Return the path, cut up."""
        places: dict[str, int] = {}
        segments = path.split(":")
        for place, segment in enumerate(segments):
            places[segment] = places.get(segment, 0) | 1 << place
        return Segments(len(segments), places)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What stands between two double wildcards: so many segments, with names at some offsets."""

    length: int
    names: tuple[tuple[int, str], ...]

    @staticmethod
    def of(segments: Sequence[str]) -> "_Piece":
        return _Piece(len(segments), tuple((at, name) for at, name in enumerate(segments) if name != "*"))

    def places(self, path: Segments) -> int:
        """Return the places from which on all the names fit; the piece may end after the path."""
        found = -1
        for offset, name in self.names:
            found &= path.places.get(name, 0) >> offset
            if not found:
                break
        return found


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of account paths: `*` stands for one segment, `**` for any number of them, none included."""

    text: str
    _pieces: tuple[_Piece, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise `ValidationFailed` for what no path could ever match."""
        if len(self.text) > PATH_LENGTH_MAX:
            raise ValidationFailed(f"A pattern has at most {PATH_LENGTH_MAX} characters.")
        if self.text.count("**") > DOUBLE_WILDCARDS_MAX:
            raise ValidationFailed(f"A pattern has at most {DOUBLE_WILDCARDS_MAX} '**': {self.text!r} has more.")
        pieces: list[list[str]] = [[]]
        for segment in self.text.split(":"):
            if segment == "**":
                pieces.append([])
                continue
            pieces[-1].append(segment)
            if segment != "*":
                try:
                    checked_path(segment)
                except ValidationFailed as error:
                    raise ValidationFailed(
                        f"{self.text!r} is not a pattern: segments are names, '*' or '**', joined by ':'."
                    ) from error
        object.__setattr__(self, "_pieces", tuple(map(_Piece.of, pieces)))

    @property
    def regex(self) -> str:
        """A regular expression for the whole of `":" + path`, in the dialect that Python and PostgreSQL share.

        For queries; here `matches` says the same, and in how long does not depend on what a tenant thought up.
        """
        # Each segment is written as ":segment", so that a `**` may vanish with its colon; paths are matched likewise.
        parts = []
        for segment in self.text.split(":"):
            if segment == "**":
                parts.append("(?::[^:]+)*")
            elif segment == "*":
                parts.append(":[^:]+")
            else:
                parts.append(":" + segment.replace(".", r"\."))
        return "".join(parts)

    @property
    def prefix(self) -> str:
        """What every matching path begins with."""
        wildcard = self.text.find("*")
        if wildcard < 0:
            return self.text
        # `a:**` also matches `a`, so the colon before a double wildcard is not in every path.
        return self.text[: max(0, wildcard - 1)] if self.text.startswith("**", wildcard) else self.text[:wildcard]

    @property
    def is_exact(self) -> bool:
        """Whether it matches one path only."""
        return "*" not in self.text

    def matches(self, path: str) -> bool:
        """Whether the whole path fits."""
        return self.fits(Segments.of(path))

    def fits(self, path: Segments) -> bool:
        """Whether the whole path fits, in a step for each name in the pattern: nothing is ever tried twice."""
        if len(self._pieces) == 1:
            return path.count == self._pieces[0].length and self._pieces[0].places(path) & 1 == 1
        first, *others, last = self._pieces
        end = path.count - last.length
        begin = first.length
        if begin > end or not first.places(path) & 1 or not last.places(path) >> end & 1:
            return False
        for piece in others:
            # The earliest place leaves the most room to those that follow.
            places = piece.places(path) >> begin
            if not places:
                return False
            begin += (places & -places).bit_length() - 1 + piece.length
        return begin <= end

    def covers(self, other: "Pattern") -> bool:
        """Whether every path that fits the other pattern fits this one. False where that takes more than a look.

        It takes a step for each segment of this one, whatever the other is.
        """
        narrow = other.text.split(":")
        places: dict[str, int] = {}
        for place, segment in enumerate(narrow):
            places[segment] = places.get(segment, 0) | 1 << place
        one_each = ~places.get("**", 0)
        # From the end: the places of the narrow pattern from which on it is covered by what was looked at; past its
        # last segment, by nothing.
        covered = 1 << len(narrow)
        for segment in reversed(self.text.split(":")):
            if segment == "**":
                covered = (1 << covered.bit_length()) - 1
            else:
                covered = covered >> 1 & (one_each if segment == "*" else places.get(segment, 0))
        return covered & 1 == 1
