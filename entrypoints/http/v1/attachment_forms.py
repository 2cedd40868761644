"""What is said of a file beside its bytes, and how both are described."""

from typing import Annotated, Any, Final

from fastapi import Depends, Header, Query

from entrypoints.http.dependencies import KEY_DESCRIPTION, DryRun
from entrypoints.http.v1.file_parts import FORM

BINARY: Final = {"type": "string", "format": "binary"}
FILE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": False,
        "content": {
            "application/octet-stream": {
                "schema": BINARY,
                "example": "The bytes of the file, of any media type.",
            },
            FORM: {
                "schema": {"type": "object", "properties": {"file": BINARY}},
            },
        },
    }
}


Name = Annotated[str | None, Query(description="What the file is called; else by `Content-Disposition`.")]
Upload = Annotated[str | None, Query(description="What was sent directly, by the `id` of the upload. Send no body.")]
MediaType = Annotated[str | None, Query(description="Of what was sent directly.")]
FileKey = Annotated[str | None, Header(alias="Idempotency-Key", description=KEY_DESCRIPTION, max_length=255)]
Digest = Annotated[
    str | None, Header(alias="Repr-Digest", description="`sha-256=:…:` (RFC 9530), which what arrives must have.")
]
Range = Annotated[
    str | None, Header(alias="Range", description="`bytes=0-499`, `bytes=500-` or `bytes=-500`: a part of the file.")
]


class FileSaid:
    """What is said of a file beside it."""

    def __init__(
        self,
        key: FileKey = None,
        digest: Digest = None,
        name: Name = None,
        media_type: MediaType = None,
        upload: Upload = None,
        dry_run: DryRun = False,
    ) -> None:
        self.key = key
        self.digest = digest
        self.name = name
        self.media_type = media_type
        self.upload = upload
        self.is_dry_run = dry_run


Said = Annotated[FileSaid, Depends()]
