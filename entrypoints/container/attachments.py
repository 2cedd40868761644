"""What is attached."""

from dependency_injector import providers

from adapters.obstore import contents
from adapters.postgres.attachments.files import PostgresFiles, PostgresUnusedFiles
from application.attachments.attaching import Attaching
from application.attachments.fetching import Fetching
from application.attachments.ports import Scanner
from application.attachments.tidying import FileTidying
from entrypoints.container.webhooks import WebhookParts
from entrypoints.ready_made import Attachments


class AttachmentParts(WebhookParts):
    """Files: where they are kept, how they come in and go out."""

    files = providers.Singleton(PostgresFiles, WebhookParts.service_engine)
    contents = providers.Singleton(
        contents, WebhookParts.settings.provided.bucket, WebhookParts.settings.provided.files_folder
    )
    # Whoever has one puts it here; the port says what it promises.
    scanner: providers.Provider[Scanner | None] = providers.Object(None)
    file_tidying = providers.Singleton(
        FileTidying,
        providers.Singleton(PostgresUnusedFiles, WebhookParts.service_engine),
        files,
        contents,
        WebhookParts.clock,
        retention=WebhookParts.settings.provided.file_retention,
    )
    attachments = providers.Singleton(
        Attachments,
        attaching=providers.Singleton(
            Attaching,
            WebhookParts.ledger_work,
            WebhookParts.journal,
            files,
            contents,
            contents,
            scanner,
            WebhookParts.clock,
            WebhookParts.ids,
            bytes_max=WebhookParts.settings.provided.file_bytes_max,
        ),
        fetching=providers.Singleton(Fetching, WebhookParts.ledger_work, files, contents, contents),
    )
