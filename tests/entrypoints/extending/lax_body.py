"""An extension a route of which reads a body less strictly than all others do."""

from fastapi import APIRouter
from pydantic import BaseModel

from entrypoints.extending import Extension
from entrypoints.http.dependencies import StrictRoute


class Lax(BaseModel):
    """A body that is no form."""

    amount: str


router = APIRouter(route_class=StrictRoute)


@router.post("/lax")
async def lax(ledger: str, body: Lax) -> None:
    """Do nothing."""


extension = Extension(name="lax-body", routes=(router,))
