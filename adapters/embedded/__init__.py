"""The PostgreSQL and the Valkey that Partita starts by itself when it is given no others."""

from adapters.embedded.choosing import chosen_servers
from adapters.embedded.errors import EmbeddedServersError, FolderInUse, ServersDidNotStart
from adapters.embedded.folder import ServerUrls, running_servers
from adapters.embedded.servers import EmbeddedServers

__all__ = [
    "EmbeddedServers",
    "EmbeddedServersError",
    "FolderInUse",
    "ServerUrls",
    "ServersDidNotStart",
    "chosen_servers",
    "running_servers",
]
