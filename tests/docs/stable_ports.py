"""What extensions may rely on, written out: `python -m tests.docs.stable_ports` keeps it in docs/stable_ports.txt.

At a release, `python -m tests.docs.stable_ports --release` keeps it as what was released, beside that. A test wants
each port that differs from what was released to be named in the changelog, below Unreleased.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.docs.pages import ROOT

NOW: Final = ROOT / "docs" / "stable_ports.txt"
RELEASED: Final = ROOT / "docs" / "stable_ports_released.txt"
RINGS: Final = ("domain", "application", "adapters", "entrypoints")
_STABLE_ALIAS: Final = "Stable since "
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Port:
    """What is marked: by its full name, since which version, what it shows, and what is said of it."""

    name: str
    since: str
    shown: tuple[str, ...]
    said: str


def ports(root: Path = ROOT) -> dict[str, str]:
    """Return what each port that is marked shows, by its full name: as the source says it, one part on a line."""
    found = {port.name: "\n".join([f"since '{port.since}'", *port.shown]) for port in _marked(root)}
    return dict(sorted(found.items()))


def described() -> list[tuple[str, str, str, str]]:
    """Return each port's name, its module, since when it is stable, and what its first paragraph says of it."""
    found = []
    for port in _marked(ROOT):
        module, _, name = port.name.rpartition(".")
        found.append((name, module, port.since, " ".join(port.said.split("\n\n")[0].split())))
    return sorted(found, key=lambda port: (port[1], port[0]))


def _marked(root: Path) -> Iterator[Port]:
    for ring in RINGS:
        for file in sorted((root / ring).rglob("*.py")):
            text = file.read_text("utf-8")
            if "@stable(" in text or _STABLE_ALIAS in text:
                module = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
                yield from _in_module(module, ast.parse(text))


def _in_module(module: str, tree: ast.Module) -> Iterator[Port]:
    for node, after in pairwise([*tree.body, ast.Pass()]):
        if isinstance(node, ast.ClassDef | Function):
            if (since := _mark(node)) is not None:
                yield Port(f"{module}.{node.name}", since, tuple(_shown(node)), ast.get_docstring(node) or "")
        elif isinstance(node, ast.Assign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            # An alias cannot be decorated: what is said of it says so.
            said = str(after.value.value)
            if said.startswith(_STABLE_ALIAS):
                since, _, said = said.removeprefix(_STABLE_ALIAS).partition(": ")
                yield Port(
                    f"{module}.{ast.unparse(node.targets[0])}", since, (ast.unparse(node),), said[0].upper() + said[1:]
                )


def _mark(node: ast.ClassDef | Function) -> str | None:
    for each in node.decorator_list:
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "stable":
            return str(ast.literal_eval(each.keywords[0].value))
    return None


def _shown(node: ast.ClassDef | Function) -> Iterator[str]:
    if not isinstance(node, ast.ClassDef):
        yield _signature(node)
        return
    bases = [ast.unparse(base) for base in node.bases]
    yield f"class ({', '.join(bases)})"
    for member in node.body:
        if isinstance(member, Function) and (member.name == "__init__" or not member.name.startswith("_")):
            yield _signature(member)
        elif isinstance(member, ast.AnnAssign) and not ast.unparse(member.target).startswith("_"):
            default = "" if member.value is None else " = …"
            yield f"{ast.unparse(member.target)}: {ast.unparse(member.annotation)}{default}"
        elif isinstance(member, ast.Assign):
            yield ast.unparse(member)


def _signature(node: Function) -> str:
    marks = [f"@{ast.unparse(each)} " for each in node.decorator_list if _mark(node) is None]
    kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returned = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    return f"{''.join(marks)}{kind} {node.name}({ast.unparse(node.args)}){returned}"


def written(of: Mapping[str, str]) -> str:
    """Return ports as they are kept."""
    blocks = [[name, *(f"    {line}" for line in text.splitlines())] for name, text in of.items()]
    return "\n".join("\n".join(block) + "\n" for block in blocks)


def kept(text: str) -> dict[str, str]:
    """Return what `written` wrote."""
    found = {}
    for block in filter(None, text.split("\n\n")):
        name, *lines = block.splitlines()
        found[name] = "\n".join(line.removeprefix("    ") for line in lines)
    return found


def unnamed(now: Mapping[str, str], released: Mapping[str, str], changelog: str) -> list[str]:
    """Return the ports that are not what was released, and of which the changelog says nothing below Unreleased."""
    unreleased = changelog.partition("## [Unreleased]")[2].partition("\n## [")[0]
    changed = [name for name in sorted({*now, *released}) if now.get(name) != released.get(name)]
    return [name for name in changed if f"`{name.rpartition('.')[2]}`" not in unreleased]


if __name__ == "__main__":
    NOW.write_text(written(ports()), "utf-8")
    if "--release" in sys.argv:
        RELEASED.write_text(NOW.read_text("utf-8"), "utf-8")
