"""Files of other programs: which formats there are, those of extensions among them."""

from dependency_injector import providers

from application.interchange.foreign_formats import ForeignFormats
from application.interchange.importing import Importing
from entrypoints.container.file_formats import FORMATS
from entrypoints.container.watching import WatchedParts
from entrypoints.extending.loading import Extensions
from entrypoints.schemas.json_text import parse_line


def _formats(extensions: Extensions) -> ForeignFormats:
    return ForeignFormats((*FORMATS, *extensions.import_formats))


class ForeignFileParts(WatchedParts):
    """The formats that can be imported."""

    importing = providers.Singleton(
        Importing,
        providers.Singleton(_formats, WatchedParts.extensions),
        WatchedParts.books,
        WatchedParts.journal,
        WatchedParts.clock,
        WatchedParts.ids,
        providers.Object(parse_line),
        WatchedParts.policies,
    )
