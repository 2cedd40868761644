"""Rules for source files that no linter knows. Each takes a module and yields what breaks the rule."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

FILE_LINES_MAX = 299
FUNCTION_LINES_MAX = 69
PORT_METHODS_MAX = 5
_RINGS = frozenset({"domain", "application", "adapters", "entrypoints"})
# Ports from before the rule that stay whole, as whoever relies on them does.
_OLD_LARGE_PORTS = frozenset({"LedgerReader", "LedgerReads"})
_VAGUE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}) | frozenset(
    {"service", "services"}
)
_UNPREDICTABLE_MODULES = frozenset({"time", "random", "secrets"})
_CLOCKS_AND_DICE = frozenset(
    {
        *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
        *("uuid.uuid1", "uuid.uuid4", "uuid.uuid6", "uuid.uuid7", "os.urandom", "os.getrandom"),
    }
)
# Such a comment names its codes and then, behind another #, its reason.
_EXCEPTION = re.compile(r"#\s*(?:type:\s*ignore|noqa)\b", re.IGNORECASE)
_WITH_CODE_AND_REASON = re.compile(
    r"#\s*(?:type:\s*ignore\[[a-z0-9, -]+\]|noqa:\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)\s+#\s*\S.{4,}", re.DOTALL
)


@dataclass(frozen=True)
class Module:
    """A source file: its path below the root of the repository, and its text."""

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def ring(self) -> str:
        return self.path.parts[0]

    def lies_in(self, folder: str) -> bool:
        return self.path.is_relative_to(folder)


Rule = Callable[[Module], Iterator[str]]


def modules(root: Path, *folders: str) -> Iterator[Module]:
    """Yield the Python files below `folders`; a folder that does not exist yet has none."""
    for folder in folders:
        for file in sorted((root / folder).rglob("*.py")):
            yield Module(PurePosixPath(file.relative_to(root).as_posix()), file.read_text(encoding="utf-8"))


def files_are_short(module: Module) -> Iterator[str]:
    length = len(module.text.splitlines())
    if module.ring in _RINGS and length > FILE_LINES_MAX:
        yield f"{module.path} has {length} lines: take a second look whether it is two things"


def functions_are_short(module: Module) -> Iterator[str]:
    if module.ring not in _RINGS:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield f"{module.path}:{node.lineno} {node.name} has {length} lines"


def ports_are_small(module: Module) -> Iterator[str]:
    if module.ring not in _RINGS:
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ClassDef) or node.name in _OLD_LARGE_PORTS:
            continue
        bases = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
        count = sum(isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) for each in node.body)
        if "Protocol" in map(_last_name, bases) and count > PORT_METHODS_MAX:
            yield f"{module.path}:{node.lineno} {node.name} has {count} methods of its own: cut it as `Team` is cut"


def only_the_container_wires(module: Module) -> Iterator[str]:
    if str(module.path).startswith("entrypoints/container/") or module.ring not in _RINGS:
        return
    for line, name in _imports(module.tree):
        package = name.split(".")[0]
        if package == "dependency_injector" or (package == "adapters" and module.ring != "adapters"):
            yield f"{module.path}:{line} imports {name}: only entrypoints/container may"


def nothing_is_injected_by_decorator(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if _last_name(called) == "inject":
                    yield f"{module.path}:{node.lineno} {node.name} is decorated with @inject"
        if isinstance(node, ast.Subscript) and _last_name(node.value) == "Provide":
            yield f"{module.path}:{node.lineno} uses Provide[…]"


def commits_are_in_one_file(module: Module) -> Iterator[str]:
    if module.ring not in _RINGS or str(module.path) == "adapters/postgres/work.py":
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            yield f"{module.path}:{node.lineno} calls commit: only adapters/postgres/work.py may"


def principals_make_authors(module: Module) -> Iterator[str]:
    """An author that is made of a principal's name alone would not tell where its events came from."""
    if module.ring not in _RINGS:
        return
    for node in ast.walk(module.tree):
        if not (isinstance(node, ast.Call) and _last_name(node.func) == "Author" and node.args):
            continue
        actor = node.args[0]
        if isinstance(actor, ast.Attribute) and actor.attr == "actor" and _last_name(actor.value) != "self":
            yield f"{module.path}:{node.lineno} makes an author: let the principal do it, principal.author(request_id)"


def the_domain_is_pure(module: Module) -> Iterator[str]:
    if module.ring != "domain":
        return
    aliases = _aliases(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await):
            yield f"{module.path}:{node.lineno} is asynchronous"
        if isinstance(node, ast.Attribute | ast.Name):
            name = _full_name(node, aliases)
            if name in _CLOCKS_AND_DICE or name == "asyncio":
                yield f"{module.path}:{node.lineno} uses {name}: pass the value in"
    for line, name in _imports(module.tree):
        if name.split(".")[0] in _UNPREDICTABLE_MODULES:
            yield f"{module.path}:{line} imports {name}: pass the value in"


def names_say_something(module: Module) -> Iterator[str]:
    for part in (*module.path.parts[:-1], module.path.stem):
        if part.strip("_") in _VAGUE_NAMES:
            yield f"{module.path}: {part} could hold anything"


def fakes_instead_of_mocks(module: Module) -> Iterator[str]:
    if not (module.lies_in("tests/domain") or module.lies_in("tests/application")):
        return
    for line, name in _imports(module.tree):
        if name in ("mock", "pytest_mock") or name.startswith("unittest.mock"):
            yield f"{module.path}:{line} imports {name}: use the fakes in adapters/memory"


def exceptions_name_their_reason(module: Module) -> Iterator[str]:
    # Most files have none, and need not be taken apart.
    readable = module.text if _EXCEPTION.search(module.text) else ""
    for token in tokenize.generate_tokens(io.StringIO(readable).readline):
        if token.type == tokenize.COMMENT and _EXCEPTION.search(token.string):
            for comment in _split_exceptions(token.string):
                if not _WITH_CODE_AND_REASON.match(comment):
                    yield f"{module.path}:{token.start[0]} {comment.strip()!r} names no code, or no reason behind a #"


def _split_exceptions(comment: str) -> list[str]:
    starts = [found.start() for found in _EXCEPTION.finditer(comment)]
    # Two in a row, one for mypy and one for ruff, share the reason at the end.
    reason = comment[starts[-1] :].split("#", 2)[2:]
    parts = [comment[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]
    return [part if part.count("#") > 1 else f"{part.rstrip()} #{''.join(reason)}" for part in parts]


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _aliases(tree: ast.Module) -> dict[str, str]:
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return known


def _full_name(node: ast.expr, aliases: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_full_name(node.value, aliases)}.{node.attr}"
    return ""


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
