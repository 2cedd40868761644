"""The AsyncAPI document is one by the official schema, says where this server is, and its examples are what it says."""

import json
from pathlib import Path

import pytest
from httpx2 import AsyncClient
from jsonschema import Draft7Validator

from entrypoints.container import Services
from entrypoints.http.realtime.asyncapi import ANSWERS, asyncapi_document
from entrypoints.schemas.realtime import CLIENT_MESSAGES, read_message
from tests.entrypoints.http.asyncapi import DESCRIBED, Json
from tests.entrypoints.http.tenant import document

OFFICIAL: Json = json.loads((Path(__file__).parent / "asyncapi_3.0.0" / "schema.json").read_text("utf-8"))
EXAMPLES = [
    pytest.param(name, example["payload"], id=f"{name}: {example['name']}")
    for name, message in DESCRIBED.document["components"]["messages"].items()
    for example in message["examples"]
]


def mistakes(document: Json) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in Draft7Validator(OFFICIAL).iter_errors(document)]


def test_the_document_is_one_of_asyncapi() -> None:
    assert mistakes(DESCRIBED.document) == []


def test_a_mistake_in_it_would_be_reported() -> None:
    assert mistakes({**DESCRIBED.document, "channel": {}})
    misspelt = json.dumps(DESCRIBED.document).replace('"action"', '"acts"')
    assert mistakes(json.loads(misspelt))


def test_all_that_it_refers_to_is_there() -> None:
    def references(value: object) -> list[str]:
        if isinstance(value, list):
            return [found for each in value for found in references(each)]
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [found for each in value.values() for found in references(each)]
        return []

    found = set(references(DESCRIBED.document))
    assert found
    for reference in found:
        at = DESCRIBED.document
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]


@pytest.mark.parametrize(("name", "payload"), EXAMPLES)
def test_an_example_is_what_its_schema_says(name: str, payload: Json) -> None:
    assert DESCRIBED.problems(name, payload) == []


def test_every_message_has_an_example_and_is_sent_by_one_side() -> None:
    names = set(DESCRIBED.document["components"]["messages"])
    assert {parameter.values[0] for parameter in EXAMPLES} == names
    assert DESCRIBED.names("send") | DESCRIBED.names("receive") == names
    assert not DESCRIBED.names("send") & DESCRIBED.names("receive")


def test_every_message_that_the_server_reads_is_described() -> None:
    assert list(ANSWERS) == list(CLIENT_MESSAGES)


@pytest.mark.parametrize(("name", "payload"), EXAMPLES)
def test_an_example_of_a_client_is_read_as_what_it_is(name: str, payload: Json) -> None:
    if name in CLIENT_MESSAGES:
        assert type(read_message(payload)) is CLIENT_MESSAGES[name]
    else:
        assert payload["type"] == name


async def test_it_says_where_the_server_is(client: AsyncClient, services: Services) -> None:
    served = document(await client.get("/asyncapi.json"))
    assert served == asyncapi_document(services.settings.issuer)
    (server,) = DESCRIBED.document["servers"].values()
    assert (server["protocol"], server["host"], server["pathname"]) == ("wss", "ledger.example", "/prefix")
    assert DESCRIBED.document["channels"]["realtime"]["address"] == "/v1/realtime"
