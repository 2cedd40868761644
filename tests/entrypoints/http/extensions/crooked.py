"""An extension that can be loaded, and whose routes and fields cannot be mounted."""

import strawberry
from fastapi import APIRouter

from entrypoints.extending import Extension
from entrypoints.http.dependencies import StrictRoute

strict = APIRouter(route_class=StrictRoute)
lax = APIRouter()


@strict.get("/fine")
async def fine(ledger: str) -> dict[str, str]:
    return {"ledger": ledger}


@lax.get("/lax")
async def lax_one(ledger: str) -> dict[str, str]:
    return {"ledger": ledger}


@strawberry.type
class Crooked:
    """Would put another field in the place of one that there is."""

    @strawberry.field
    def ledger(self) -> str:
        return "mine"


extension = Extension(name="crooked", routes=(strict, lax), queries=(Crooked,))
