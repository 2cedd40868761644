"""Whatever is sent, no answer is our mistake, and every answer is one that the interface's description allows."""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.tenant import Tenant, document, sale
from tests.server_process import ServerProcess

EXAMPLES = 300 if os.environ.get("PARTITA_SOAK") == "long" else 2
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@schemathesis.serializer("application/x-ndjson")
def as_lines(_: Any, value: Any) -> bytes:
    """What is generated for a body of lines: any text."""
    return str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def description(server_process: ServerProcess) -> Any:
    return schemathesis.openapi.from_url(f"{server_process.url}/openapi.json")


@pytest.mark.soak
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
async def test_every_answer_is_one_that_is_described(
    description: Any, new_organisation: NewOrganisation, mode: GenerationMode
) -> None:
    tenant = await new_organisation()
    posted = await tenant.posted(sale())
    period = document(await tenant.client.post(tenant.path("/periods"), json={"until": "2026-01-01"}), 201)
    held = document(await tenant.client.post(tenant.path("/holds"), json=sale()), 201)
    names = {"ledger": tenant.ledger, "path": "assets:bank", "code": "EUR"}
    walked = 0
    for found in description.get_all_operations():
        operation = found.ok()
        raw = operation.definition.raw
        if mode is GenerationMode.NEGATIVE and not (raw.get("parameters") or "requestBody" in raw):
            continue  # whoever asks for it can do nothing wrong
        ids = {"id": posted["id"]} if "/transactions/" in operation.path else {}
        if "/periods/" in operation.path:
            ids = {"id": period["id"]}
        if "/holds/" in operation.path:
            ids = {"id": held["id"]}
        try_operation(operation, mode, tenant, names | ids)
        walked += 1
    assert walked > 20


def try_operation(operation: Any, mode: GenerationMode, tenant: Tenant, names: dict[str, str]) -> None:
    """Send requests to one operation: to names that there are, so as to come further than to a 404, and to others."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_there=st.sampled_from([True, True, False]))
    def send(case: Any, is_there: bool) -> None:
        if is_there:
            case.path_parameters = {name: names.get(name, value) for name, value in case.path_parameters.items()}
        response = case.call(headers=tenant.authorization)
        case.validate_response(response, checks=CHECKS)

    send()
