"""The served AsyncAPI document as what messages are held against."""

from typing import Any, Final

from jsonschema import Draft202012Validator

from entrypoints.http.realtime.asyncapi import asyncapi_document

Json = dict[str, Any]


class Described:
    """The messages that a document describes."""

    def __init__(self, document: Json) -> None:
        self.document = document
        self._messages: Json = document["components"]["messages"]

    def names(self, action: str) -> set[str]:
        """The messages that the server sends, or receives."""
        operations = self.document["operations"].values()
        found = [each for operation in operations if operation["action"] == action for each in operation["messages"]]
        if action == "send":
            replies = [operation["reply"] for operation in operations if "reply" in operation]
            found += [each for reply in replies for each in reply["messages"]]
        return {reference["$ref"].rpartition("/")[2] for reference in found}

    def problems(self, name: str, message: Json) -> list[str]:
        """What is wrong with a message of this name; a field that is not described is wrong, too."""
        schema = {**self._messages[name]["payload"], "components": self.document["components"]}
        found = [error.message for error in Draft202012Validator(schema).iter_errors(message)]
        described = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
        return found + [f"{field} is not described" for field in message if field not in described]

    def check(self, action: str, message: Json) -> None:
        """See that a message is one of those that the server sends, or receives."""
        found = {name: self.problems(name, message) for name in sorted(self.names(action))}
        assert [] in found.values(), (message, found)


DESCRIBED: Final = Described(asyncapi_document("https://ledger.example/prefix"))
