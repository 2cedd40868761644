"""Operations as a client sends them, and what comes of them."""

from typing import Any

from httpx2 import AsyncClient, Response

from tests.entrypoints.http.tenant import Json, Tenant, checked_problem, document


async def sent(client: AsyncClient, query: str, variables: Json | None = None, **given: Any) -> Response:
    """Send an operation, and return the answer."""
    body = {"query": query} | ({} if variables is None else {"variables": variables})
    return await client.post("/graphql", json=body, **given)


async def asked(tenant: Tenant, query: str, **variables: Any) -> Any:
    """Send an operation in which nothing is refused, and return its data."""
    answer = document(await sent(tenant.client, query, variables))
    assert "errors" not in answer, answer
    return answer["data"]


async def refused(tenant: Tenant, query: str, status: int, code: str, **variables: Any) -> Json:
    """Send an operation in which one thing is refused, and return the problem."""
    answer = document(await sent(tenant.client, query, variables))
    return checked_error(answer, status, code)


def checked_error(answer: Json, status: int, code: str) -> Json:
    """See that an answer has one error, which tells the problem that REST would; return that."""
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == code, error
    told = error["extensions"]["problem"]
    assert error["message"] == told["detail"]
    return checked_problem(told, status, code)
