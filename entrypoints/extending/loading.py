"""Loading extensions: all that are installed, but for those with which something is wrong."""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from application.interchange.foreign_formats import ForeignFormat
from application.interchange.formats import ExportFormat, FileType
from application.ledger.policies import RefusingPolicy, WatchedPolicy, failed
from application.shared.containing import contained
from application.shared.extension_watch import ExtensionWatch
from domain.ledger.policy import PolicyInForce, PostingPolicy
from domain.shared.access import Permission
from entrypoints.extending.environment import read_settings
from entrypoints.extending.extension import Extension
from entrypoints.extending.formats import watched_format, watched_import

GROUP: Final = "partita.extensions"
SLOW_SECONDS: Final = 2.0
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_NAME_LENGTH_MAX: Final = 40

_log = logging.getLogger("partita.extensions")


class BadExtension(Exception):
    """An extension is none, or adds what cannot be added; the message says what."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """An extension that takes part, and where it comes from."""

    extension: Extension
    settings: Any
    policies: tuple[PostingPolicy, ...]
    watch: ExtensionWatch
    source: str

    @property
    def name(self) -> str:
        """Return its name."""
        return self.extension.name


@dataclass(slots=True)
class Extensions:
    """All extensions by name: those that take part, and why others do not, wholly or in part."""

    loaded: dict[str, Loaded] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def fail(self, name: str, reason: str, error: BaseException | None = None) -> None:
        """Keep and log that something of an extension does not take part, and why."""
        before = self.failed.get(name)
        if before is None or reason not in before:
            self.failed[name] = reason if before is None else f"{before}; {reason}"
        # Where no log is kept, as at the command line, a line says enough.
        _log.error("the extension %s: %s", name, reason, exc_info=error if logging.getLogger().handlers else None)

    def policies(self, required: tuple[str, ...]) -> list[PolicyInForce]:
        """Return the posting policies of all that take part, by name; nothing is accepted for those that are missing.

        Those are the ones that are `required` and were not loaded.
        """
        found = [
            PolicyInForce(name, WatchedPolicy(self.loaded[name].watch, policy))
            for name in sorted(self.loaded)
            for policy in self.loaded[name].policies
        ]
        missing = [name for name in required if name not in self.loaded]
        for name in missing:
            _log.error("the extension %s is required and not there: nothing is posted", name)
        return found + [PolicyInForce(name, RefusingPolicy(failed(name, "is not loaded"))) for name in missing]

    @property
    def import_formats(self) -> tuple[ForeignFormat, ...]:
        """Return the formats of files to import that they add."""
        return tuple(
            watched_import(each.watch, given)
            for each in self.loaded.values()
            for given in each.extension.import_formats
        )

    @property
    def export_formats(self) -> dict[str, FileType]:
        """Return the formats that they add, by name."""
        return {
            name: watched_format(each.watch, name, file_type)
            for each in self.loaded.values()
            for name, file_type in each.extension.export_formats.items()
        }


def load_extensions(
    own_formats: Sequence[ForeignFormat] = (), environment: Mapping[str, str] = os.environ
) -> Extensions:
    """Return all extensions that are installed, loaded. Whatever is wrong with one is logged, and no other's matter.

    Of several with one name, none is loaded: nobody could tell which of them is meant. `own_formats` are those of files
    to import that are there without any extension.
    """
    extensions = Extensions()
    by_name: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        by_name.setdefault(entry.name, []).append(entry)
    for name, entries in sorted(by_name.items()):
        if len(entries) > 1:
            extensions.fail(name, f"several packages have it: {', '.join(sorted(map(_source, entries)))}")
            continue
        try:
            with contained():
                loaded = _loaded(entries[0], environment, list(by_name))
                _require_new_formats(extensions, loaded.extension, own_formats)
        except Exception as error:
            reason = str(error) if isinstance(error, BadExtension) else f"it cannot be loaded: {error!r}"
            extensions.fail(name, reason, error)
        else:
            extensions.loaded[name] = loaded
    return extensions


def _loaded(entry: EntryPoint, environment: Mapping[str, str], installed: list[str]) -> Loaded:
    watch = ExtensionWatch(entry.name)
    # What it raises, the caller tells.
    with watch.doing("being loaded", slow_seconds=SLOW_SECONDS, fine=(Exception,)):
        extension = entry.load()
        if not isinstance(extension, Extension):
            raise BadExtension(f"{entry.value} is a {type(extension).__name__}, and no Extension")
        if extension.name != entry.name:
            raise BadExtension(f"it calls itself {extension.name}, and its entry point {entry.name}")
        for wrong in _wrong_with(extension):
            raise BadExtension(wrong)
        settings = read_settings(entry.name, extension.settings, environment, installed=installed)
        policies = tuple(make(settings) for make in extension.policies)
        for policy in policies:
            if not isinstance(policy, PostingPolicy):
                raise BadExtension(f"{policy!r} is no PostingPolicy")
    return Loaded(extension, settings, policies, watch, _source(entry))


def _wrong_with(extension: Extension) -> Iterator[str]:
    handlers, jobs = [each.name for each in extension.handlers], [each.name for each in extension.jobs]
    formats = [each.name for each in extension.import_formats]
    for name in (extension.name, *handlers, *jobs, *extension.export_formats, *formats):
        if not _NAME.fullmatch(name) or len(name) > _NAME_LENGTH_MAX:
            yield f"{name!a} is no name: small letters and digits, with hyphens between"
    for names in (handlers, jobs):
        if len(set(names)) < len(names):
            yield f"of {', '.join(names)}, two have the same name"
    for command in extension.commands:
        permission = getattr(command, "permission", None)
        if not isinstance(permission, Permission | property):
            yield f"the command {command.__name__} names no permission that there is"
        if missing := [name for name in ("size", "scope", "execute") if not hasattr(command, name)]:
            yield f"the command {command.__name__} lacks {', '.join(missing)}"


def _require_new_formats(extensions: Extensions, extension: Extension, own_formats: Sequence[ForeignFormat]) -> None:
    known = {*extensions.export_formats, *[each.value for each in ExportFormat]}
    for name in extension.export_formats:
        if name in known:
            raise BadExtension(f"there is a format {name} already")
    read = {each.name: each for each in (*own_formats, *extensions.import_formats)}
    sent = {media_type for each in read.values() for media_type in each.media_types}
    for given in extension.import_formats:
        if given.name in read or sent.intersection(given.media_types):
            raise BadExtension(f"there is a format {given.name} already, or one that is sent likewise")


def _source(entry: EntryPoint) -> str:
    return "unknown" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
