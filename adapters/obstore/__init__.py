"""The contents of files: in a folder, or in a store that speaks S3."""

from pathlib import Path

from adapters.obstore.folder import FolderContents
from adapters.obstore.s3 import S3Contents
from application.attachments.ports import Bucket


def contents(bucket: Bucket | None, folder: Path) -> FolderContents | S3Contents:
    """Return where contents are kept: in the bucket, or, without one, in the folder."""
    return FolderContents(folder) if bucket is None else S3Contents(bucket)
