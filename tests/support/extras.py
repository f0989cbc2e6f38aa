"""Which packages an installation without extras has, and which modules of ours import more than that."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement

SRC = Path(__file__).parents[2] / "src"
# What a package brings under another name, where its metadata do not say so or it may not be here.
PARTS = {"pydantic-core": "pydantic", "llama-cpp": "llama-cpp-python"}
# What runs only where an extra is there, which its callers have seen to.
SEEN_TO = {
    "readers/sheets.py": "xlsx",
    "commands/servers.py": "serve",
    "inference/gguf.py": "gguf",
    "inference/onnx_int8.py": "export",
}


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras):
    """Return the packages that we declare, of the base and of these extras."""
    found, left = set(), ["", *extras]
    while left:
        extra = left.pop()
        for requirement in map(Requirement, requires("kosbert")):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                left += requirement.extras if requirement.name == "kosbert" else ()
                found.add(plain(requirement.name))
    return found - {"kosbert"}


@cache
def installed():
    """Return all packages that an installation without extras has, as far as this environment knows them."""
    found, left = set(), [*map(Requirement, requires("kosbert"))]
    while left:
        requirement = left.pop()
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            name = plain(requirement.name)
            if name not in found:
                found.add(name)
                left += map(Requirement, _requires(name))
    return found


def _requires(name):
    try:
        return requires(name) or ()
    except PackageNotFoundError:  # one that this system does not need
        return ()


def not_installed():
    """Return the modules here that an installation without extras lacks."""
    return {
        module
        for module, packages in packages_distributions().items()
        if installed().isdisjoint(map(plain, packages)) and module not in ("kosbert", "pip", "pkg_resources")
    }


def foreign(start, extras=()):
    """Walk from a module of ours to all that it imports, and yield what no extra declares on that way.

    A block under `needs_extra` may use the packages of its extra, and so may what is imported there.

    Args:
        start: the module's path.
        extras: the extras that are there from the beginning.

    Yields:
        Each module on the way, with the packages that it imports and may not.
    """
    seen, left = set(), [(start, frozenset(extras))]
    while left:
        path, allowed = left.pop()
        allowed |= {SEEN_TO[name] for name in SEEN_TO if path == SRC / "kosbert" / name}
        state = path, allowed
        if state in seen:
            continue
        seen.add(state)
        mistakes = set()
        for names, extra in _imports(ast.parse(path.read_text(encoding="utf-8")), None):
            here = allowed | {extra} if extra else allowed
            ours = {found for name in names if (found := _path(name))}
            left += ((module, here) for module in ours)
            if not ours and not _may(names[0], here):
                mistakes.add(names[0])
        yield path, mistakes


def _imports(node, extra) -> Iterator[tuple[list[str], str | None]]:
    """Yield the imports below a node that are not for types alone, each with the extra that it stands under."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        inner = _extra(child) or extra
        if isinstance(child, ast.Import):
            yield from (([alias.name], extra) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield [child.module, *(f"{child.module}.{alias.name}" for alias in child.names)], extra
        else:
            yield from _imports(child, inner)
            if isinstance(child, ast.With):  # what follows runs only if the block did
                extra = inner


def _extra(node):
    """Return the extra of `with needs_extra(extra, …)`."""
    for item in node.items if isinstance(node, ast.With) else ():
        call = item.context_expr
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "needs_extra":
            return call.args[0].value if isinstance(call.args[0], ast.Constant) else "export"
    return None


def _path(name):
    path = SRC / name.replace(".", "/")
    if name.partition(".")[0] != "kosbert":
        return None
    return next((found for found in (path.with_suffix(".py"), path / "__init__.py") if found.is_file()), None)


@cache
def _packages():
    return packages_distributions()


@cache
def _may(name, extras):
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top == "kosbert":
        return True
    packages = {PARTS.get(plain(package), plain(package)) for package in _packages().get(top, [top])}
    return bool(packages & declared(*extras))
