"""`__all__` is the list of what a module offers: nothing that is gone, nothing forgotten."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    path.relative_to(ROOT)
    for package in ("steer", "sim")
    for path in (ROOT / package).rglob("*.py")
    if not path.is_relative_to(ROOT / "steer/v1") and path.name != "__main__.py"
)


def exported(tree):
    """Return the names in `__all__`, or None where there is no such list."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return None


def defined(tree):
    """Return the public functions and classes that stand in the module."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {
        node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")
    }


def bound(tree):
    """Return every name that the module binds: by definition, assignment or import."""
    names = defined(tree)
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign):
            targets = [t for target in node.targets for t in getattr(target, "elts", [target])]
            names |= {ast.unparse(target) for target in targets}
        elif isinstance(node, ast.AnnAssign):
            names.add(ast.unparse(node.target))
    return names


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_what_a_module_exports_is_what_it_defines(path):
    """Each exported name exists, and each public function and class is exported."""
    tree = ast.parse((ROOT / path).read_text())
    names = exported(tree) or []

    assert sorted(set(names)) == sorted(names)
    assert set(names) - bound(tree) == set()
    # A command's `main` is found by its name in pyproject.toml or by `python -m`.
    assert defined(tree) - set(names) - {"main"} == set()
