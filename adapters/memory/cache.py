"""The cache of a single process."""


class MemoryCache:
    """Keeps values in memory, for as long as it lives itself."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    async def get(self, name: bytes) -> bytes | None:
        return self.values.get(name)

    async def put(self, name: bytes, value: bytes, *, seconds: int) -> None:
        self.values[name] = value
