"""What is attached."""

from dependency_injector import providers

from adapters.obstore import contents
from adapters.postgres.attachments.files import PostgresFiles, PostgresUnusedFiles
from application.attachments.attaching import Attaching
from application.attachments.fetching import Fetching
from application.attachments.ports import Scanner
from application.attachments.tidying import FileTidying
from entrypoints.container.access import AccessParts
from entrypoints.ready_made import Attachments


class AttachmentParts(AccessParts):
    """Files: where they are kept, how they come in and go out."""

    files = providers.Singleton(PostgresFiles, AccessParts.service_engine)
    contents = providers.Singleton(
        contents, AccessParts.settings.provided.bucket, AccessParts.settings.provided.files_folder
    )
    # Whoever has one puts it here; the port says what it promises.
    scanner: providers.Provider[Scanner | None] = providers.Object(None)
    file_tidying = providers.Singleton(
        FileTidying,
        providers.Singleton(PostgresUnusedFiles, AccessParts.service_engine),
        files,
        contents,
        AccessParts.clock,
        retention=AccessParts.settings.provided.file_retention,
    )
    attachments = providers.Singleton(
        Attachments,
        attaching=providers.Singleton(
            Attaching,
            AccessParts.ledger_work,
            AccessParts.journal,
            files,
            contents,
            contents,
            scanner,
            AccessParts.clock,
            AccessParts.ids,
            bytes_max=AccessParts.settings.provided.file_bytes_max,
        ),
        fetching=providers.Singleton(Fetching, AccessParts.ledger_work, files, contents, contents),
        tidying=file_tidying,
    )
