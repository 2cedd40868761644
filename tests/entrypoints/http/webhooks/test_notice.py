"""Who may do something about a webhook that was paused is written to, also where the sender is just being stopped."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.memory import MemoryMailbox
from application.identity.letters import Letters
from entrypoints.settings import Settings
from tests.entrypoints.http.tenant import Tenant, document, sale
from tests.entrypoints.http.webhooks.conftest import NewDispatcher, NewWebhook
from tests.entrypoints.http.webhooks.deliveries import joined
from tests.entrypoints.http.webhooks.receiver import Receiver
from tests.server_process import ServerProcess


class BusyPostbox:
    """What a mail server takes that is busy when it is asked first."""

    def __init__(self) -> None:
        self.port = 0
        self.is_asked = asyncio.Event()
        self.taken: list[Envelope] = []

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802 # aiosmtpd's name for it
        if not self.is_asked.is_set():
            self.is_asked.set()
            return "451 later"
        self.taken.append(envelope)
        return "250 OK"


@pytest.fixture
async def postbox() -> AsyncIterator[BusyPostbox]:
    made = BusyPostbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(made), "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
def worker(postgres_url: str, redis_url: str, settings: Settings, postbox: BusyPostbox) -> Iterator[ServerProcess]:
    """A worker that sends mail there, and may send webhooks to this machine."""
    chosen = {
        "PARTITA_WEBHOOK_HTTP": "true",
        "PARTITA_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PARTITA_SMTP_HOST": "127.0.0.1",
        "PARTITA_SMTP_PORT": str(postbox.port),
        "PARTITA_SMTP_SECURITY": "none",
    }
    with ExitStack() as stack:
        made = ServerProcess(postgres_url, redis_url, settings.data_dir, chosen, command="worker")
        stack.callback(made.stop)
        yield made


async def test_members_who_may_manage_webhooks_are_written_to(
    tenant: Tenant, there: Receiver, new_dispatcher: NewDispatcher, new_webhook: NewWebhook, owner: AsyncEngine
) -> None:
    letters = Letters(mailbox := MemoryMailbox(), "https://books.test")
    dispatching = await new_dispatcher(letters=letters)
    document(await tenant.client.put("/v1/roles/hooks", json={"permissions": ["webhooks:manage"]}), 200)
    for role in ("owner", "auditor", "hooks"):
        await joined(owner, tenant, role)
    hook = await new_webhook(url=f"{there.url}/a-secret-path", types=["transaction.posted"])
    there.status = 410
    await tenant.posted(sale())
    await dispatching.run()
    await letters.settle()
    sent = {message.to.partition("-")[0]: message for message in mailbox.messages}
    assert set(sent) == {"owner", "hooks"}
    assert hook["id"] in sent["owner"].text
    assert there.url in sent["owner"].text
    assert "a-secret-path" not in sent["owner"].text


async def test_a_worker_that_pauses_a_webhook_and_is_stopped_sends_the_letter(
    tenant: Tenant,
    there: Receiver,
    new_webhook: NewWebhook,
    owner: AsyncEngine,
    postbox: BusyPostbox,
    worker: ServerProcess,
) -> None:
    email = await joined(owner, tenant, "owner")
    hook = await new_webhook(types=["transaction.posted"])
    there.status = 410
    await tenant.posted(sale())
    await asyncio.to_thread(worker.start)
    await asyncio.wait_for(postbox.is_asked.wait(), 30)
    # It tries again in a second, and is stopped before.
    await asyncio.to_thread(worker.stop)
    (letter,) = postbox.taken
    assert letter.rcpt_tos == [email]
    assert isinstance(letter.content, bytes)
    assert hook["id"].encode() in letter.content
