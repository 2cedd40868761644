"""The public halves of the keys that access tokens are signed with, for whoever checks them by itself."""

from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from application.shared.key_id import base64url
from entrypoints.container import Services
from entrypoints.http.openapi import FOR_EVERYONE, described_problems

router = APIRouter(tags=["auth"])

# Half of the time for which a new key is published before it signs, so that nobody's copy is too old.
_MAX_AGE_SECONDS = 300


class KeyDocument(TypedDict):
    """An Ed25519 public key as a JSON Web Key (RFC 7517, RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    use: Literal["sig"]
    alg: Literal["EdDSA"]
    kid: str
    x: str


class KeySetDocument(TypedDict):
    """A JSON Web Key Set."""

    keys: list[KeyDocument]


@router.get(
    "/.well-known/jwks.json",
    summary="Show the keys of access tokens",
    openapi_extra=FOR_EVERYONE,
    responses=described_problems(),
)
async def get_key_set(request: Request, response: Response) -> KeySetDocument:
    """Return the keys that access tokens are signed with, those of the near future and the near past too."""
    services: Services = request.app.state.services
    keys = await services.token_keys.published()
    response.headers["Cache-Control"] = f"public, max-age={_MAX_AGE_SECONDS}"
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": "EdDSA",
                "kid": key.id,
                "x": base64url(key.public_key),
            }
            for key in keys
        ]
    }
