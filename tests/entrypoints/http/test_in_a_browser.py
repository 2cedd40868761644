"""A page in a real browser follows a ledger through a restart of the server, by the very lines of docs/realtime.md.

The page comes from a server of its own, as those of users do, which alone has the key and gets it its tickets.
"""

import asyncio
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2

from entrypoints.container import Services
from entrypoints.settings import Settings
from tests import browser
from tests.docs.pages import ROOT, fenced
from tests.entrypoints.http.tenant import Tenant, sale
from tests.server_process import ServerProcess

FOLLOWING = "\n".join(
    text for language, text in fenced((ROOT / "docs" / "realtime.md").read_text("utf-8")) if language == "js"
)
PAGE = """<!doctype html><meta charset="utf-8"><title>A page of a user</title><script>
%s
const newTicket = async () => {
  const answer = await fetch("/ticket", { method: "POST" });
  if (!answer.ok) throw new Error(answer.status);
  return (await answer.json()).ticket;
};
let reported = Promise.resolve();
const report = (way) => (event) => {
  reported = reported.then(() => fetch(`/seen/${way}`, { method: "POST", body: event.sequence }));
};
const asked = { server: "%s", ledger: "main", after: 0, newTicket };
followBySocket({ ...asked, onEvent: report("socket") });
followByEventSource({ ...asked, types: %s, onEvent: report("source") });
</script>"""
TYPES = ["ledger.created", "asset.registered", "account.opened", "transaction.posted"]


class SiteOfUser:
    """A web site whose page follows a ledger, and tells what it saw."""

    def __init__(self) -> None:
        self.page = b""
        self.new_ticket: Callable[[], httpx2.Response] = lambda: httpx2.Response(503)
        self.seen: dict[str, list[int]] = defaultdict(list)
        self.origin = ""

    @contextmanager
    def served(self) -> Iterator[None]:
        """Serve it on a free port of this machine."""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the standard library's name
                is_page = self.path == "/"
                self._answer(200 if is_page else 404, site.page if is_page else b"", "text/html")

            def do_POST(self) -> None:  # the standard library's name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/ticket":
                    try:
                        told = site.new_ticket()
                    except httpx2.TransportError:
                        told = httpx2.Response(503)
                    self._answer(told.status_code, told.content, "application/json")
                else:
                    site.seen[self.path.rpartition("/")[2]].append(int(body))
                    self._answer(200, b"{}", "application/json")

            def _answer(self, status: int, body: bytes, media_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *values: object) -> None:
                """Print nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            serving = threading.Thread(target=server.serve_forever)
            serving.start()
            self.origin = f"http://127.0.0.1:{server.server_port}"
            try:
                yield
            finally:
                server.shutdown()
                serving.join()

    async def all_see(self, last: int, seconds: float = 15) -> None:
        """Wait until the page has seen this event by both ways."""
        deadline = time.monotonic() + seconds
        while not all(self.seen[way][-1:] == [last] for way in ("socket", "source")):
            assert time.monotonic() < deadline, (last, dict(self.seen))
            await asyncio.sleep(0.02)


async def test_a_page_follows_a_ledger_through_a_restart(
    postgres_url: str, redis_url: str, settings: Settings, services: Services, tenant: Tenant
) -> None:
    browser.require()
    site = SiteOfUser()
    with site.served():
        cross_origin = {"PARTITA_CORS_ORIGINS": site.origin}
        server = ServerProcess(postgres_url, redis_url, settings.data_dir, cross_origin).start()
        try:
            headers = tenant.authorization
            site.new_ticket = lambda: httpx2.post(f"{server.url}/v1/realtime/tickets", headers=headers)
            site.page = (PAGE % (FOLLOWING, server.url, json.dumps(TYPES))).encode()
            await tenant.posted(sale())
            with browser.opened(site.origin):
                await site.all_see(await tenant.head())
                await tenant.posted(sale())
                await site.all_see(await tenant.head())
                await asyncio.to_thread(server.stop)
                await tenant.posted(sale())
                await asyncio.to_thread(server.start)
                await tenant.posted(sale())
                last = await tenant.head()
                await site.all_see(last)
        finally:
            server.stop()
    assert site.seen == {"socket": list(range(1, last + 1)), "source": list(range(1, last + 1))}
