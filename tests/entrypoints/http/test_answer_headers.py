"""Headers that keep browsers from misusing an answer, and pages of other origins that may read it."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import pytest
from httpx2 import AsyncClient
from pydantic import ValidationError

from entrypoints.container import Services
from entrypoints.settings import Settings
from tests.entrypoints.http.guarded import Guarded, guarded
from tests.entrypoints.http.tenant import Tenant, document, problem, sale

STRICT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
APP = "https://app.example.com"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key"}


@pytest.fixture
async def sharing(settings: Settings, services: Services, postgres_url: str, redis_url: str) -> AsyncIterator[Guarded]:
    """A server behind one proxy, which pages of one origin may call."""
    changes: dict[str, Any] = {"cors_origins": (APP,), "trusted_proxies": (ip_network("192.0.2.1"),)}
    async with guarded(settings, postgres_url, redis_url, **changes) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        *(
            (path, "*/*")
            for path in (
                "/v1/ledgers",
                "/v1/ledgers/none",
                "/nowhere",
                "/health/live",
                "/docs",
                "/problems",
                "/openapi.json",
                "/",
            )
        ),
        ("/v1/audit-log", "application/x-ndjson"),
        ("/v1/audit-log", "text/csv"),
    ],
)
async def test_every_answer_says_once_how_it_may_be_used(tenant: Tenant, path: str, accept: str) -> None:
    headers = (await tenant.client.get(path, headers={"Accept": accept})).headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("referrer-policy") == ["no-referrer"]
    (policy,) = headers.get_list("content-security-policy")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "strict-transport-security" not in headers, "it was not asked by https"
    assert "server" not in headers


async def test_books_are_kept_by_who_reads_them_alone_and_not_used_again_without_asking(tenant: Tenant) -> None:
    await tenant.posted(sale())
    for path in ("", "/transactions", "/events", "/reports/balance-sheet", "/accounts/assets:bank/balances"):
        response = await tenant.get(path)
        assert response.headers.get_list("cache-control") == ["private, no-cache"]
        assert response.headers["etag"]


async def test_what_a_tenant_gets_is_kept_nowhere(tenant: Tenant) -> None:
    posted = await tenant.post(sale())
    persons = await tenant.client.get("/v1/members"), await tenant.client.get("/v1/api-keys")
    for response in (posted, await tenant.get("/holds"), await tenant.get("/reports/x"), *persons):
        assert response.headers.get_list("cache-control") == ["no-store"]
        assert response.headers["content-security-policy"] == STRICT
    for path in ("/docs", "/problems", "/openapi.json", "/swagger/swagger-ui.css"):
        assert "cache-control" not in (await tenant.client.get(path)).headers


def digests(page: str, tag: str) -> list[str]:
    """The digests of what stands inside of a tag, as browsers make them."""
    contents = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return [base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() for content in contents]


async def test_pages_may_use_their_own_styles_and_scripts_and_nothing_else(tenant: Tenant) -> None:
    await tenant.posted(sale())
    printed = await tenant.get("/reports/trial-balance", headers={"Accept": "text/html"})
    for response in (printed, await tenant.client.get("/problems"), await tenant.client.get("/problems/not-found")):
        policy = response.headers["content-security-policy"]
        (style,) = digests(response.text, "style")
        assert f"style-src 'sha256-{style}'" in policy
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
    docs = await tenant.client.get("/docs")
    (script,) = digests(docs.text, "script")
    policy = docs.headers["content-security-policy"]
    assert f"script-src 'self' 'sha256-{script}'" in policy
    assert "connect-src 'self'" in policy
    assert " style=" not in docs.text + printed.text
    assert " onclick=" not in docs.text + printed.text


async def test_https_is_asked_for_where_a_trusted_proxy_says_that_it_is_there(sharing: Guarded) -> None:
    said = {"X-Forwarded-Proto": "https"}
    by_proxy = await sharing.client("192.0.2.1").get("/v1/ledgers", headers=said)
    assert by_proxy.headers["strict-transport-security"] == "max-age=31536000"
    forged = await sharing.client("192.0.2.2").get("/v1/ledgers", headers=said)
    assert "strict-transport-security" not in forged.headers


async def test_a_page_of_a_named_origin_may_call_and_read(sharing: Guarded) -> None:
    nobody = sharing.client(headers={"Authorization": "", "Origin": APP})
    asked = await nobody.options("/v1/ledgers/main/transactions", headers=PREFLIGHT)
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == APP
    assert "POST" in asked.headers["access-control-allow-methods"]
    allowed = asked.headers["access-control-allow-headers"].lower()
    assert {"authorization", "idempotency-key", "if-match", "partita-sequence"} <= set(allowed.split(", "))
    assert asked.headers["x-request-id"].startswith("req_")
    assert asked.headers["x-content-type-options"] == "nosniff"
    client = sharing.client(headers={"Origin": APP})
    posted = await client.post("/v1/ledgers/main/transactions", json=sale())
    document(posted, 201)
    # Refusals and what is not there can be read as well.
    for response in (posted, await nobody.get("/v1/ledgers"), await client.get("/nowhere")):
        assert response.headers["access-control-allow-origin"] == APP
        told = response.headers["access-control-expose-headers"]
        for name in ("Partita-Sequence", "ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"):
            assert name in told.split(", ")
        assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "http://app.example.com", "https://app.example.com:8443", "null", APP + "."]
)
async def test_no_other_origin_may(sharing: Guarded, origin: str) -> None:
    client = sharing.client(headers={"Origin": origin})
    asked = await client.options("/v1/ledgers", headers=PREFLIGHT)
    for response in (asked, await client.get("/v1/ledgers")):
        assert "access-control-allow-origin" not in response.headers
    told = problem(asked, 403, "origin-not-allowed")
    assert told["detail"].endswith("takes no such origin.")
    assert "Origin" in asked.headers["vary"].split(", ")


async def test_a_named_origin_may_not_send_what_it_likes(sharing: Guarded) -> None:
    client = sharing.client(headers={"Origin": APP})
    strange = {**PREFLIGHT, "Access-Control-Request-Method": "TRACE", "Access-Control-Request-Headers": "x-other"}
    told = problem(await client.options("/v1/ledgers", headers=strange), 403, "origin-not-allowed")
    assert told["detail"].endswith("takes no such method, headers.")


async def test_by_default_no_origin_may(client: AsyncClient) -> None:
    for method in ("GET", "OPTIONS"):
        response = await client.request(method, "/v1/ledgers", headers={"Origin": APP, **PREFLIGHT})
        assert not [name for name in response.headers if name.startswith("access-control")]
    problem(await client.options("/v1/ledgers", headers={"Origin": APP, **PREFLIGHT}), 405, "method-not-allowed")


@pytest.mark.parametrize(
    "environment",
    [
        {"PARTITA_CORS_ORIGINS": "*", "PARTITA_CORS_CREDENTIALS": "true"},
        {"PARTITA_CORS_ORIGINS": "app.example.com"},
        {"PARTITA_CORS_ORIGINS": "https://app.example.com/"},
        {"PARTITA_CORS_ORIGINS": "https://*.example.com"},
        {"PARTITA_CORS_ORIGINS": "null"},
        {"PARTITA_TRUSTED_PROXIES": "proxy.example.com"},
        {"PARTITA_TRUSTED_PROXIES": "192.0.2.1/24"},
        {"PARTITA_RATE_LIMIT_CALLER": "-1"},
    ],
)
def test_a_setting_that_would_open_more_than_it_says_is_refused(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTITA_CORS_ORIGINS", f"{APP}, http://localhost:3000")
    monkeypatch.setenv("PARTITA_TRUSTED_PROXIES", "192.0.2.1,2001:db8::/32")
    read = Settings()
    assert read.cors_origins == (APP, "http://localhost:3000")
    assert read.trusted_proxies == (ip_network("192.0.2.1"), ip_network("2001:db8::/32"))
