"""A whole server to try an extension on, with an organisation and a ledger."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from httpx2 import ASGITransport, AsyncClient

from application.identity.create_organisation import create_organisation
from application.ledger.create_ledger import create_ledger
from domain.identity.api_key import FULL_RIGHTS
from domain.shared.access import Principal
from domain.shared.chain import Author
from domain.shared.stable import stable
from entrypoints.container import Container, opened, servers
from entrypoints.extending import ExtensionServices
from entrypoints.http.app import create_app
from entrypoints.settings import Settings

LEDGER = "main"


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Trial:
    """A server, and a client whose key may do everything in an organisation with the ledger `main`.

    What goes on in the background is done when it is asked for.
    """

    client: AsyncClient
    principal: Principal
    _container: Container

    def services(self, extension: str) -> ExtensionServices:
        """Return what an extension works with. Raises `KeyError` for one that is not loaded."""
        return self._container.extension_services()[extension]

    async def handle_events(self) -> None:
        """Tell handlers of all events that they do not know yet."""
        await self._container.event_handling().handle_due()

    async def run_jobs(self) -> None:
        """Do all jobs of extensions, as at the beginning of a new period; and whatever other jobs are due."""
        for job in self._container.bound_jobs():
            await self._container.scheduling().schedule(job)
        while await self._container.job_runner().run_due():
            continue


@stable(since="0.2.0")
@asynccontextmanager
async def trial(folder: Path) -> AsyncIterator[Trial]:
    """Give a server with all extensions that are installed, and an organisation of this trial's own.

    Its databases are those of DATABASE_URL and REDIS_URL, or else are started in the folder: only from the main thread.
    """
    settings = Settings(data_dir=folder, worker_inside=False)
    with servers(settings) as urls:
        async with opened(settings, urls) as container:
            await container.maintenance().migrate()
            services = container.services()
            founder = Author("system:trial", "req_trial")
            principal = await create_organisation(
                services.organisations, services.clock, services.ids, "Trial", author=founder
            )
            await create_ledger(
                services.ledgers,
                services.clock,
                services.ids,
                principal,
                slug=LEDGER,
                name="Main",
                metadata={},
                request_id=founder.request_id,
            )
            _, key = await services.api_keys.create(principal, "trial", FULL_RIGHTS, request_id=founder.request_id)
            app = create_app(services)
            headers = {"Authorization": f"Bearer {key}"}
            async with AsyncClient(transport=ASGITransport(app), base_url="http://trial", headers=headers) as client:
                try:
                    yield Trial(client, principal, container)
                finally:
                    await services.end(with_work=False)
