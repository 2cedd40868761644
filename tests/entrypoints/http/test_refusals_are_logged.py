"""Refused credentials, refused permissions and one request too many are written to the server's log."""

import re
from collections.abc import AsyncIterator

import pytest

from domain.identity.api_key import API_KEY
from entrypoints.container import Services
from entrypoints.settings import Settings
from tests.entrypoints.http.guarded import Guarded, any_address, guarded
from tests.entrypoints.http.tenant import NDJSON, document, problem, sale

SECRET = API_KEY.build(1, b"secret of nobody, long enough to be one of a key")


@pytest.fixture(scope="module")
async def server(settings: Settings, services: Services, postgres_url: str, redis_url: str) -> AsyncIterator[Guarded]:
    async with guarded(settings, postgres_url, redis_url) as opened:
        yield opened


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was written since this was asked last."""
    messages = [record.getMessage() for record in caplog.records if record.name == "partita.access"]
    caplog.clear()
    return messages


async def key_of(server: Guarded, **scope: object) -> tuple[str, str]:
    """A key that has the scope, and its id."""
    made = document(await server.client().post("/v1/api-keys", json={"name": "limited", **scope}), 201)
    return made["key"], made["id"]


async def test_a_permission_that_is_missing(server: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    key, key_id = await key_of(server, scopes=["accounts:read"])
    address = any_address()
    client = server.client(address, key=key, headers={"X-Request-Id": "mine"})
    told = problem(await client.get("/v1/ledgers/main/reports/trial-balance"), 403, "permission-denied")
    (line,) = lines(caplog)
    assert line == (
        "refused permission-denied what='GET /v1/ledgers/{ledger}/reports/trial-balance' "
        f"actor={key_id} organisation={server.organisation_id} permission={told['permission']} ledger=main "
        f"address={address} request=mine detail={told['detail']!r}"
    )
    # Where the framework is not asked, and where only a part of an answer is a refusal.
    problem(await client.post("/v1/ledgers/main/transactions", json=sale()), 403, "permission-denied")
    (line,) = lines(caplog)
    assert f"what='POST /v1/ledgers/{{ledger}}/transactions' actor={key_id} " in line


async def test_a_transaction_of_a_bulk_that_may_not_be_posted(
    server: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    key, key_id = await key_of(server, scopes=["transactions:post"], accounts=["nothing:**"])
    client = server.client(key=key)
    path = "/v1/ledgers/main/transactions/bulk"
    answer = document(await client.post(path, json={"transactions": [sale(), sale()]}))
    assert [result["status"] for result in answer["results"]] == [403, 403]
    line, _ = lines(caplog)
    assert f"what='a transaction of a bulk' actor={key_id} " in line
    assert " permission=transactions:post ledger=main " in line
    answered = await client.post(path, content=b'{"entries": []}\n', headers={"Content-Type": NDJSON})
    assert answered.status_code == 200


async def test_a_credential_that_is_refused(server: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    address = any_address()
    key, key_id = await key_of(server)
    document_of_nobody = await server.client().delete(f"/v1/api-keys/{key_id}", headers={"If-Match": "*"})
    assert document_of_nobody.status_code < 300
    for text in (key, SECRET, "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJl", "x"):
        problem(await server.client(address, key=text).get("/v1/ledgers"), 401, "not-authenticated")
    revoked, *others = lines(caplog)
    assert f"address={address} " in revoked
    assert f"detail='The API key {key_id} was revoked.'" in revoked
    assert len(others) == 3
    for line in (revoked, *others):
        assert line.startswith("refused not-authenticated what='GET /v1/ledgers' ")
        for secret in (key, SECRET):
            assert secret.rpartition("_")[2][:12] not in line


async def test_a_client_that_is_not_who_it_says(server: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    form = {"grant_type": "client_credentials", "scope": "ledgers:read"}
    body = {"name": "CI", "grant_types": ["client_credentials"], "scopes": ["ledgers:read"], "confidential": True}
    made = document(await server.client().post("/v1/oauth-clients", json=body), 201)
    client = server.client()
    del client.headers["authorization"]
    for named in (made["client_id"], "nobody"):
        shown = {**form, "client_id": named, "client_secret": "guessed-secret"}
        told = await client.post("/oauth/token", data=shown)
        assert told.json()["error"] == "invalid_client", (named, told.text)
    known, unknown = lines(caplog)
    assert known.startswith("refused invalid_client what='POST /oauth/token' actor=cli_")
    assert f" organisation={server.organisation_id} " in known
    assert "actor=" not in unknown
    assert "guessed" not in known + unknown


async def test_one_request_too_many(
    settings: Settings, postgres_url: str, redis_url: str, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarded(settings, postgres_url, redis_url, rate_limit_caller=2) as server:
        client = server.client()
        statuses = [(await client.get("/v1/ledgers")).status_code for _ in range(30)]
        assert statuses == [200] * 2 + [429] * 28
        told = lines(caplog)
        assert len(told) == 10
        assert all(line.startswith("refused rate-limited ") for line in told)
    # It ends with the server.
    (line,) = lines(caplog)
    assert re.fullmatch(r"refused rate-limited from 10\.[0-9.]+ 18 times more, which are left out", line)


async def test_nothing_that_was_sent_makes_a_line_of_its_own(server: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    client = server.client(key="x")
    await client.get("/v1/ledgers/%0D%0Aforged%1B%5B2J/accounts")
    await client.get("/nowhere%0D%0Aforged", headers={"X-Request-Id": "a b"})
    for line in lines(caplog):
        assert line.isprintable()
        assert line.startswith("refused ")


async def test_what_is_answered_otherwise_is_not_in_it(server: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    client = server.client()
    document(await client.get("/v1/ledgers"))
    problem(await client.get("/v1/ledgers/none"), 404, "ledger-not-found")
    problem(await client.post("/v1/ledgers", json={}), 422, "validation-failed")
    assert lines(caplog) == []
