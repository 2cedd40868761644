"""Contents in a store that speaks S3."""

from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import obstore
from obstore.store import S3Store

from adapters.obstore.contents import SAVED, ObstoreContents, path_of, reached
from application.attachments.ports import Bucket

RETRIED_FOR: Final = timedelta(seconds=10)


class S3Contents(ObstoreContents):
    """Contents in a bucket, and URLs to send them to and fetch them from."""

    attributes = SAVED

    def __init__(self, bucket: Bucket) -> None:
        url = urlsplit(bucket.url)
        given = {
            "endpoint": bucket.endpoint,
            "region": bucket.region,
            "access_key_id": bucket.key_id,
            "secret_access_key": bucket.key_secret,
        }
        self._s3 = S3Store(
            url.netloc,
            prefix=url.path.strip("/") or None,
            # Someone waits for the answer.
            retry_config={"max_retries": 3, "retry_timeout": RETRIED_FOR},
            client_options={"allow_http": bucket.endpoint is not None and bucket.endpoint.startswith("http://")},
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type] # each is a text, as its option wants
        )

    @property
    def _store(self) -> S3Store:
        return self._s3

    async def upload_url(self, place: str, lifetime: timedelta) -> str:
        return await reached(obstore.sign_async(self._s3, "PUT", path_of(place), lifetime))

    async def download_url(self, place: str, lifetime: timedelta) -> str:
        return await reached(obstore.sign_async(self._s3, "GET", path_of(place), lifetime))

    async def sent(self, place: str) -> int | None:
        try:
            found = await reached(obstore.head_async(self._s3, path_of(place)))
        except FileNotFoundError:
            return None
        return found["size"]
