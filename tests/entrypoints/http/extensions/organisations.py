"""Organisations of one test, in a database that others use, too."""


class Only:
    """These organisations, where those of other tests would be told of, too."""

    def __init__(self, *organisation_ids: int) -> None:
        self._numbers = sorted(organisation_ids)

    async def numbers(self, *, after: int, limit: int) -> list[int]:
        return [each for each in self._numbers if each > after]
