"""Files of other programs: which formats there are."""

from dependency_injector import providers

from application.interchange.foreign_formats import ForeignFormat, ForeignFormats
from entrypoints.container.watching import WatchedParts

FORMATS: tuple[ForeignFormat, ...] = ()


class ForeignFileParts(WatchedParts):
    """The formats that can be imported."""

    foreign_formats = providers.Singleton(ForeignFormats, providers.Object(FORMATS))
