"""Register an asset."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from application.shared.expected_version import require_version
from domain.ledger.asset import ScaleFixed, checked_asset_code, checked_scale
from domain.ledger.book import Book
from domain.ledger.events import AssetRegistered, Event
from domain.ledger.scope import Scope
from domain.shared.access import Permission
from domain.shared.errors import PreconditionRequired, VersionConflict


@dataclass(frozen=True, slots=True)
class RegisterAsset:
    """Give an asset its scale in this ledger; or another scale, as long as nothing was posted in it.

    `replaces` says that the caller knows of a registration, at `expected_version` (None takes any). Refuses with
    `ScaleFixed`, `PreconditionRequired`, `VersionConflict`, `ValidationFailed`.
    """

    permission: ClassVar = Permission.ASSETS_REGISTER
    size: ClassVar = 0
    code: str
    scale: int
    replaces: bool = False
    expected_version: int | None = None

    def scope(self) -> Scope:
        """Return the asset, and whether it is in use."""
        return Scope(assets=(self.code,), asset_uses=(self.code,))

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the registration, nothing if the asset has that scale already, or refuse."""
        code, scale = checked_asset_code(self.code), checked_scale(self.scale)
        asset = book.assets.get(code)
        if asset is None:
            if self.replaces:
                raise VersionConflict(f"The asset {code} is not registered, so it is at no version.")
            return [AssetRegistered(code, scale)]
        require_version(f"The asset {code}", asset.version, self.expected_version)
        if asset.scale == scale:
            return []
        if code in book.used_assets:
            raise ScaleFixed(
                f"{code} has entries in this ledger at scale {asset.scale}; it cannot become {scale}.",
                pointer="/scale",
            )
        if not self.replaces:
            raise PreconditionRequired(
                f"{code} is registered with scale {asset.scale}: send its ETag as If-Match to change that."
            )
        return [AssetRegistered(code, scale, {"scale": asset.scale})]
