"""The parameters of an OAuth request, read so that no two readers could understand them differently."""

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from starlette.requests import Request

from entrypoints.http.reading import read_body

BODY_BYTES_MAX: Final = 32 * 1024
_PARAMETERS_MAX: Final = 40
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
# Appendix A of RFC 6749: what any of the values may consist of.
_VALUE = re.compile(r"[\x20-\x7e]*")


def read_parameters(text: str) -> dict[str, str]:
    """Return the parameters in a query or a form; one without a value counts as left out (RFC 6749, section 3.1).

    Raises `InvalidRequestError` for one that is given twice, or is not plain text.
    """
    try:
        fields = read_fields(text, _PARAMETERS_MAX)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from None
    for name, value in fields.items():
        if not (_VALUE.fullmatch(name) and _VALUE.fullmatch(value)):
            raise InvalidRequestError("A parameter has characters that are not printable ASCII.")
    return {name: value for name, value in fields.items() if value}


async def read_form_parameters(request: Request) -> dict[str, str]:
    """Return the parameters in the body. Raises `InvalidRequestError`, `PayloadTooLarge`."""
    try:
        text = await read_form(request)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from None
    if request.scope["query_string"]:
        raise InvalidRequestError("Parameters belong in the body, not in the address, which servers write down.")
    return read_parameters(text)


async def read_form(request: Request) -> str:
    """Return the text of a body that is a form. Raises `ValueError` for any other, `PayloadTooLarge`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise ValueError(f"The body has to be of the type {_FORM_TYPE}.")
    return (await read_body(request, BODY_BYTES_MAX)).decode("latin-1")


def read_fields(text: str, count_max: int) -> dict[str, str]:
    """Return the fields of a query or a form. Raises `ValueError` where one is given twice, or they cannot be read."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=count_max)
    except ValueError:
        raise ValueError("The parameters cannot be read, or are too many.") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("A parameter is given more than once.")
    return fields


def client_id_of(request: Request, parameters: Mapping[str, str]) -> str | None:
    """Return which client a request says it is of, by whichever one way it says so.

    Raises `InvalidRequestError` where it says two things, or shows two credentials; `InvalidClientError` for a header
    that cannot be read.
    """
    headers = request.headers.getlist("authorization")
    in_body = parameters.get("client_id")
    if not headers:
        return in_body
    if len(headers) > 1 or "client_secret" in parameters:
        raise InvalidRequestError("A client authenticates in one way at a time.")
    scheme, _, encoded = headers[0].partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClientError("Clients authenticate by HTTP Basic.", status_code=401)
    try:
        text = b64decode(encoded.strip(), validate=True).decode("ascii")
    except ValueError:
        raise InvalidClientError("The Authorization header is not HTTP Basic.", status_code=401) from None
    client_id, colon, _ = text.partition(":")
    client_id = unquote_plus(client_id)
    if not colon or not client_id:
        raise InvalidClientError("The Authorization header names no client.", status_code=401)
    if in_body is not None and in_body != client_id:
        raise InvalidRequestError("The body names another client than the Authorization header.")
    return client_id
