"""Settings of extensions, from the environment."""

from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from entrypoints.secret_files import PREFIX, is_secret_field
from entrypoints.settings import Settings


class BadSettings(Exception):
    """The settings of an extension are not good; the message names the variables, and nothing that is secret."""


def prefix_of(name: str) -> str:
    """Return what the variables of an extension begin with."""
    return f"{PREFIX}{name.replace('-', '_').upper()}_"


def read_settings(
    name: str, model: type[BaseModel] | None, environment: Mapping[str, str], *, installed: Collection[str] = ()
) -> BaseModel | None:
    """Return the settings of an extension. Raises `BadSettings`, also for variables of its that set nothing.

    A secret may stand in a file instead, which a variable names that ends in `_FILE`. Others that are `installed` may
    have names that begin with its own: theirs are left to them.
    """
    prefix = prefix_of(name)
    core = {variable for each in Settings.variables().values() for variable in (each, f"{each}_FILE")}
    longer = tuple(p for p in map(prefix_of, installed) if p.startswith(prefix) and p != prefix)
    given = {
        variable.upper(): text
        for variable, text in environment.items()
        if variable.upper().startswith(prefix)
        and not variable.upper().startswith(longer)
        and variable.upper() not in core
    }
    values: dict[str, str] = {}
    fields = {} if model is None else model.model_fields
    for field, info in fields.items():
        variable = f"{prefix}{field.upper()}"
        if variable in core:
            raise BadSettings(f"{variable} is a setting of Partita itself")
        file = given.pop(f"{variable}_FILE", None) if is_secret_field(info) else None
        if variable in given:
            values[field] = given.pop(variable)
        elif file is not None:
            values[field] = _text_of(variable, file)
    if given:
        raise BadSettings(f"{', '.join(sorted(given))} sets nothing")
    if model is None:
        return None
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = [f"{prefix}{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()]
    # Without the error itself, which repeats what was given.
    raise BadSettings("; ".join(wrong))


def _text_of(variable: str, file: str) -> str:
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"{variable}_FILE cannot be read: {error}") from error
