"""Which variables settings are read from, and secrets that stand in files instead."""

import os
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

PREFIX: Final = "PARTITA_"


def variable_of(name: str, field: FieldInfo) -> str:
    """Return the variable that a setting is read from."""
    return field.validation_alias if isinstance(field.validation_alias, str) else f"{PREFIX}{name.upper()}"


def is_secret_field(field: FieldInfo) -> bool:
    """Return whether nobody should see the setting, and it may stand in a file of its own."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


class SecretsInFiles(PydanticBaseSettingsSource):
    """Secrets whose variable, with `_FILE` at its end, names a file that holds nothing else."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the text of the file, or None, and what the setting is called. Raises `OSError`."""
        name = field.validation_alias if isinstance(field.validation_alias, str) else field_name
        file = os.environ.get(f"{variable_of(field_name, field)}_FILE") if is_secret_field(field) else None
        return None if file is None else Path(file).read_text(encoding="utf-8").strip(), name, False

    def __call__(self) -> dict[str, Any]:
        """Return all of them that there are."""
        found = [self.get_field_value(field, name) for name, field in self.settings_cls.model_fields.items()]
        return {name: value for value, name, _ in found if value is not None}
