"""What can be said of a journal of another program when it is imported."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from domain.ledger.account import AccountType
from domain.shared.errors import ValidationFailed
from domain.shared.paths import checked_path

_TYPES: Final = {each.value: each for each in AccountType}


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """Where conversions and roundings go, and which accounts have which type, by how their names begin."""

    types: Mapping[str, AccountType] = field(default_factory=dict)
    conversion: str = "equity:conversion"
    rounding: str = "equity:rounding"

    @staticmethod
    def of(document: Mapping[str, Any]) -> "JournalOptions":
        """Return what a JSON object says: `types`, `conversion`, `rounding`. Raises `ValidationFailed`."""
        for key in document:
            if key not in ("types", "conversion", "rounding"):
                raise ValidationFailed(
                    f"A journal has no option {key[:40]!a}; it has types, conversion and rounding.", pointer="/options"
                )
        default = JournalOptions()
        return JournalOptions(
            _types(document.get("types", {})),
            _path(document, "conversion", default.conversion),
            _path(document, "rounding", default.rounding),
        )


def _types(document: Any) -> Mapping[str, AccountType]:
    pointer = "/options/types"
    if not isinstance(document, Mapping):
        raise ValidationFailed('types is an object: {"Vermögen": "asset"}.', pointer=pointer)
    types: dict[str, AccountType] = {}
    for name, said in document.items():
        of_type = _TYPES.get(said) if isinstance(said, str) else None
        if of_type is None:
            raise ValidationFailed(f"{said!a} is no type of account; there are {', '.join(_TYPES)}.", pointer=pointer)
        types[name] = of_type
    return types


def _path(document: Mapping[str, Any], name: str, default: str) -> str:
    said = document.get(name, default)
    if not isinstance(said, str):
        raise ValidationFailed(f"{name} is the path of an account.", pointer=f"/options/{name}")
    return checked_path(said, f"/options/{name}")
