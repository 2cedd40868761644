"""What extensions may rely on, written out: `python -m tests.docs.stable_ports` keeps it in docs/stable_ports.txt.

At a release, `python -m tests.docs.stable_ports --release` keeps it as what was released, beside that. A test wants
each port that differs from what was released to be named in the changelog, below Unreleased.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.docs.pages import ROOT

NOW: Final = ROOT / "docs" / "stable_ports.txt"
RELEASED: Final = ROOT / "docs" / "stable_ports_released.txt"
_RINGS: Final = ("domain", "application", "adapters", "entrypoints")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def ports(root: Path = ROOT) -> dict[str, str]:
    """Return what each port that is marked shows, by its full name: as the source says it, one part on a line."""
    found = {name: "\n".join([str(_mark(node)), *_shown(node)]) for name, node in _marked(root)}
    return dict(sorted(found.items()))


def described() -> list[tuple[str, str, str, str]]:
    """Return each port's name, its module, since when it is stable, and what its first paragraph says of it."""
    found = []
    for full, node in _marked(ROOT):
        module, _, name = full.rpartition(".")
        said = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
        found.append((name, module, str(_mark(node)).removeprefix("since ").strip("'"), said))
    return sorted(found, key=lambda port: (port[1], port[0]))


def _marked(root: Path) -> Iterator[tuple[str, ast.ClassDef | Function]]:
    for ring in _RINGS:
        for file in sorted((root / ring).rglob("*.py")):
            text = file.read_text("utf-8")
            if "@stable(" in text:
                module = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
                for node in ast.parse(text).body:
                    if isinstance(node, ast.ClassDef | Function) and _mark(node) is not None:
                        yield f"{module}.{node.name}", node


def _mark(node: ast.ClassDef | Function) -> str | None:
    for each in node.decorator_list:
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "stable":
            return ast.unparse(each.keywords[0]).replace("=", " ")
    return None


def _shown(node: ast.ClassDef | Function) -> Iterator[str]:
    if not isinstance(node, ast.ClassDef):
        yield _signature(node)
        return
    bases = [ast.unparse(base) for base in node.bases]
    yield f"class ({', '.join(bases)})"
    for member in node.body:
        if isinstance(member, Function) and not member.name.startswith("_"):
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
