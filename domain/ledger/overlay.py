"""Overlays: mappings and sets that start out as others are, and take in more without changing those."""

from collections.abc import Iterator, Mapping, MutableMapping, MutableSet, Set
from typing import TypeVar, overload

Key = TypeVar("Key")
Value = TypeVar("Value")
Default = TypeVar("Default")


class Overlay(MutableMapping[Key, Value]):
    """What another mapping has, but for what was set here; made at once, however much the other has.

    The other one must stay as it is for as long as this is used. Nothing can be taken away.
    """

    __slots__ = ("_below", "_own")

    def __init__(self, below: Mapping[Key, Value]) -> None:
        self._below = below
        self._own: dict[Key, Value] = {}

    def __getitem__(self, key: Key) -> Value:
        return self._own[key] if key in self._own else self._below[key]

    @overload
    def get(self, key: Key, /) -> Value | None: ...
    @overload
    def get(self, key: Key, default: Value | Default, /) -> Value | Default: ...
    def get(self, key: Key, default: Value | Default | None = None, /) -> Value | Default | None:
        """Return what was set here, or else what the other has."""
        # That of `Mapping` raises and catches an error for whatever is missing.
        return self._own[key] if key in self._own else self._below.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._own or key in self._below

    def __setitem__(self, key: Key, value: Value) -> None:
        self._own[key] = value

    def __delitem__(self, key: Key) -> None:
        raise TypeError("Nothing is taken away from an overlay.")

    def __iter__(self) -> Iterator[Key]:
        yield from self._below
        for key in self._own:
            if key not in self._below:
                yield key

    def __len__(self) -> int:
        return len(self._below) + sum(key not in self._below for key in self._own)


class OverlaySet(MutableSet[Key]):
    """What another set has, and what was added here, under the same terms as an `Overlay`."""

    __slots__ = ("_below", "_own")

    def __init__(self, below: Set[Key]) -> None:
        self._below = below
        self._own: set[Key] = set()

    def __contains__(self, key: object) -> bool:
        return key in self._own or key in self._below

    def add(self, value: Key) -> None:
        """Add it here, if the other has it not."""
        if value not in self._below:
            self._own.add(value)

    def discard(self, value: Key) -> None:
        """Raise `TypeError`."""
        raise TypeError("Nothing is taken away from an overlay.")

    def __iter__(self) -> Iterator[Key]:
        yield from self._below
        yield from self._own

    def __len__(self) -> int:
        return len(self._below) + len(self._own)
