"""The project as the house's rules see it: its files, its functions, its words."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ("services", "shared", "deploy")
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Function:
    """A function and where it stands; `inside` names the classes and functions around it."""

    file: Path
    node: FunctionNode
    inside: tuple[ast.AST, ...]

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.node.lineno} {self.node.name}"

    @property
    def lines(self) -> int:
        """How many lines it takes, decorators apart."""
        return (self.node.end_lineno or 0) - self.node.lineno + 1

    @property
    def public(self) -> bool:
        """Whether others may call it by name."""
        around = [each for each in self.inside if isinstance(each, ast.ClassDef)]
        names = [self.node.name, *(each.name for each in around)]
        return len(around) == len(self.inside) and not any(each.startswith("_") for each in names)


def python_files(*folders: str) -> list[Path]:
    """This will list the Python files of top-level folders."""
    return sorted(each for folder in folders for each in (ROOT / folder).rglob("*.py"))


def source_files() -> list[Path]:
    """This will list what is shipped, migrations apart: they are written once and never read in one piece."""
    return [each for each in python_files(*SOURCE) if "versions" not in each.parts]


@cache
def parsed(file: Path) -> ast.Module:
    """This will read a file's syntax tree."""
    return ast.parse(file.read_text(), str(file))


def functions(file: Path) -> Iterator[Function]:
    """This will list all functions of a file, nested ones too."""

    def below(node: ast.AST, inside: tuple[ast.AST, ...]) -> Iterator[Function]:
        for each in ast.iter_child_nodes(node):
            if isinstance(each, FunctionNode):
                yield Function(file, each, inside)
            named = isinstance(each, FunctionNode | ast.ClassDef)
            yield from below(each, (*inside, each) if named else inside)

    return below(parsed(file), ())


def strings(file: Path) -> Iterator[tuple[ast.AST, str]]:
    """This will list the texts a file's code works with, docstrings apart; what an f-string fills in reads `{}`."""
    tree = parsed(file)
    told = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    parts = {id(part) for each in ast.walk(tree) if isinstance(each, ast.JoinedStr) for part in each.values}
    for each in ast.walk(tree):
        if isinstance(each, ast.JoinedStr):
            yield each, "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in each.values)
        elif isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in told | parts:
            yield each, each.value


def tracked_texts() -> Iterator[tuple[Path, str]]:
    """This will give every text file that belongs to the project, new ones too, with its content."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in sorted(filter(None, listed.split("\0"))):
        try:
            yield ROOT / name, (ROOT / name).read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue


def place(file: Path, node: ast.AST) -> str:
    """This will say where something stands: `shared/names.py:12`."""
    return f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
