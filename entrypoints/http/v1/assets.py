"""Assets of a ledger: register, get, list."""

from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import ConfigDict
from pydantic import Field as Described
from starlette.responses import Response
from typing_extensions import TypedDict

from application.ledger.register_asset import RegisterAsset
from domain.ledger.asset import SCALE_MAX, Asset
from domain.shared.access import Permission
from domain.shared.errors import NotFound
from entrypoints.http.dependencies import (
    IF_MATCH_DESCRIPTION,
    Caller,
    CallerDependency,
    DryRun,
    StrictRoute,
    etag,
    version_of,
)
from entrypoints.http.openapi import MAY_BE_KNOWN, described_problems
from entrypoints.schemas.forms import Form

router = APIRouter(route_class=StrictRoute, tags=["assets"])


class AssetIn(Form):
    """An asset to register."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"scale": 2}]})

    scale: Annotated[int, Described(ge=0, le=SCALE_MAX, description="Digits after the point.")]


class AssetDocument(TypedDict):
    """An asset of a ledger."""

    code: str
    scale: int
    version: int


class AssetsDocument(TypedDict):
    """All assets of a ledger, by code."""

    data: list[AssetDocument]


def asset_document(asset: Asset) -> AssetDocument:
    """Return an asset as it is shown."""
    return {"code": asset.code, "scale": asset.scale, "version": asset.version}


@router.put(
    "/ledgers/{ledger}/assets/{code}",
    summary="Register an asset",
    responses=described_problems(400, 401, 403, 404, 409, 412, 422, 428),
)
async def put_asset(
    ledger: str,
    code: str,
    asset: AssetIn,
    who: CallerDependency,
    response: Response,
    dry_run: DryRun = False,
    if_match: Annotated[str | None, Header(alias="If-Match", description=IF_MATCH_DESCRIPTION)] = None,
) -> AssetDocument:
    """Give an asset its scale. As long as nothing was posted in it, another scale can be set, with `If-Match`."""
    expected = None if if_match is None else version_of(if_match)
    command = RegisterAsset(code, asset.scale, if_match is not None, expected)
    outcome = await who.do(ledger, command, response, dry_run=dry_run)
    # Who may register an asset may see what came of it.
    registered = outcome.book.assets[code] if outcome.book else await _asset(ledger, code, who, command.permission)
    response.headers["ETag"] = etag(registered.version)
    return asset_document(registered)


@router.get(
    "/ledgers/{ledger}/assets/{code}",
    summary="Get an asset",
    responses={**described_problems(401, 403, 404), **MAY_BE_KNOWN},
)
async def get_asset(ledger: str, code: str, who: CallerDependency, response: Response) -> AssetDocument:
    """Return one asset that the ledger has registered or used."""
    asset = await _asset(ledger, code, who, Permission.LEDGERS_READ)
    response.headers["ETag"] = etag(asset.version)
    return asset_document(asset)


@router.get("/ledgers/{ledger}/assets", summary="List assets", responses=described_problems(401, 403, 404))
async def list_assets(ledger: str, who: CallerDependency) -> AssetsDocument:
    """Return all assets that the ledger has registered or used, by code."""
    async with who.read(Permission.LEDGERS_READ, ledger) as reads:
        return {"data": [asset_document(asset) for asset in await reads.ledgers.assets(ledger)]}


async def _asset(ledger: str, code: str, who: Caller, permission: Permission) -> Asset:
    async with who.read(permission, ledger) as reads:
        for asset in await reads.ledgers.assets(ledger):
            if asset.code == code:
                return asset
    raise NotFound(f"The asset {code!a} is neither registered nor used in this ledger.")
