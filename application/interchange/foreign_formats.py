"""The formats of other programs' files that can be imported, by name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from application.interchange.found import ForeignFile
from domain.shared.errors import ValidationFailed
from domain.shared.stable import stable

Options = Mapping[str, Any]
"""What the caller says of a file, as a JSON object; each format knows its own options."""


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class ForeignFormat:
    """A format: what it is called, how files of it are sent, and how one is read.

    `reader` is given the options and the ledger's time zone, in which days begin. It raises `ValidationFailed` for
    options that it does not know or understand, with pointers into `/options`.
    """

    name: str
    title: str
    media_types: tuple[str, ...]
    reader: Callable[[Options, str], ForeignFile]


class ForeignFormats:
    """All formats that are known, each under a name of its own."""

    def __init__(self, formats: Iterable[ForeignFormat]) -> None:
        """Raise `ValueError` where two have the same name, or are sent in the same way."""
        self._by_name: dict[str, ForeignFormat] = {}
        self._by_media_type: dict[str, ForeignFormat] = {}
        for each in formats:
            if each.name in self._by_name:
                raise ValueError(f"there are two formats {each.name!r}")
            self._by_name[each.name] = each
            for media_type in each.media_types:
                if media_type in self._by_media_type:
                    raise ValueError(f"there are two formats of the type {media_type}")
                self._by_media_type[media_type] = each

    @property
    def all(self) -> Iterable[ForeignFormat]:
        """Return them in the order in which they were given."""
        return self._by_name.values()

    def named(self, name: str) -> ForeignFormat:
        """Return the format of that name. Raises `ValidationFailed`."""
        found = self._by_name.get(name)
        if found is None:
            known = ", ".join(self._by_name)
            raise ValidationFailed(f"There is no format {name[:40]!a}; there are {known}.", pointer="/format")
        return found

    def sent_as(self, media_type: str) -> ForeignFormat | None:
        """Return the format whose files are sent as this media type (in small letters, without parameters)."""
        return self._by_media_type.get(media_type)
