"""The receiver in docs/webhooks.md, as it stands there."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.docs.pages import ROOT
from tests.entrypoints.http.tenant import Tenant, document, sale
from tests.entrypoints.http.webhooks.conftest import NewWebhook
from tests.entrypoints.http.webhooks.dispatchers import Dispatcher
from tests.redis_server import until

PROGRAM = re.compile(r"test_receiver_of_the_documentation.py -->\n```python\n(.*?)```", re.DOTALL)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


async def test_it_takes_what_partita_sends_and_nothing_else(
    tenant: Tenant, dispatching: Dispatcher, new_webhook: NewWebhook, tmp_path: Path
) -> None:
    (program,) = PROGRAM.findall((ROOT / "docs" / "webhooks.md").read_text("utf-8"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    hook = await new_webhook(url=f"http://127.0.0.1:{port}/", types=["transaction.posted"])
    environment = {**os.environ, "WEBHOOK_SECRET": hook["secret"], "PORT": str(port)}
    said = tmp_path / "said"
    with (
        said.open("wb") as out,
        subprocess.Popen(
            [sys.executable, "-c", program], env=environment, stdout=out, stderr=subprocess.DEVNULL
        ) as receiver,
    ):
        try:
            await until(lambda: answers(port), seconds=20)
            await tenant.posted(sale())
            assert await dispatching.run() == 1
            headers = {"webhook-id": "evt_1", "webhook-timestamp": "1", "webhook-signature": "v1,bm90aGluZw=="}
            with pytest.raises(HTTPError, match="401"):
                urlopen(Request(f"http://127.0.0.1:{port}/", b"{}", headers))
        finally:
            receiver.kill()
    (delivery,) = document(await tenant.client.get(f"/v1/webhooks/{hook['id']}/deliveries"))["data"]
    assert (delivery["state"], delivery["status"]) == ("delivered", 204)
    assert said.read_text().split() == [delivery["event"]]
