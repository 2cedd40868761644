"""Which PostgreSQL and Redis are used: those that are named, or else those that come along."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from adapters.embedded.folder import ServerUrls, running_servers
from adapters.embedded.servers import EmbeddedServers

# Where Redis listens by custom, for who names a database and no Redis.
REDIS_URL: Final = "redis://127.0.0.1:6379/0"


@contextmanager
def chosen_servers(
    folder: Path, database_url: str | None, redis_url: str | None, *, shared: bool
) -> Iterator[ServerUrls]:
    """Give the servers of these URLs; without a database's, start those in the folder for as long as they are needed.

    With `shared`, those that another process runs there will do.
    """
    if database_url is not None:
        yield ServerUrls(database_url, redis_url or REDIS_URL)
        return
    running = running_servers(folder) if shared else None
    if running is not None:
        yield running
        return
    with EmbeddedServers(folder) as embedded:
        yield ServerUrls(embedded.urls.database_url, redis_url or embedded.urls.redis_url)
