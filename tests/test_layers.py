"""The picture of style: which module may import which."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import coatcheck
import coatcheck_adapters

SERVER = Path(next(iter(coatcheck.__path__)))
ADAPTERS = Path(next(iter(coatcheck_adapters.__path__)))

# Layer of each module of coatcheck; a module may import lower layers only.
LAYERS = {
    "types": 0,
    "protocols": 0.1,
    "spans": 0.5,
    "amounts": 0.5,
    "figures": 0.5,
    "settings": 0.5,
    "nodes": 0.5,
    "notations": 0.6,
    "dialect": 1.0,
    "sizing": 1.0,
    "focus": 1.0,
    "transcripts": 0.6,
    "audit": 1.2,
    "body": 1.0,
    "reducers": 1.1,
    "excerpt": 1.2,
    "numbered": 1.3,
    "given": 1.3,
    "traces": 1.4,
    "ruletext": 1.0,
    "values": 1.2,
    "params": 1.0,
    "lately": 1.0,
    "probes": 1.0,
    "find": 1.3,
    "query": 1.3,
    "difference": 1.3,
    "secrets": 1.0,
    "view": 1.2,
    "documents": 1.2,
    "media": 1.2,
    "pruning": 1.2,
    "inner": 1.2,
    "tasks": 1.3,
    "clients": 1.0,
    "envelope": 1.2,
    "rows": 1.3,
    "wire": 1.3,
    "inflight": 1.4,
    "eras": 1.4,
    "listening": 1.5,
    "modern": 1.6,
    "pipes": 1.4,
    "config": 2,
    "registry": 2,
    "refs": 1.5,  # the key is a file
    "artifacts": 2,
    "ledger": 2,
    "counting": 2,
    "tokens": 2,
    "summarize": 2,
    "rewrite": 2,
    "journal": 2,
    "pipeline": 3,
    "fetch": 3,
    "catalogue": 3.5,
    "repeats": 3.5,
    "repair": 3.5,
    "filling": 3.5,
    "statement": 3.5,
    "replay": 3.5,
    "entries": 3.5,
    "clerk": 3.1,
    "link": 3.1,
    "sharing": 3.2,
    "bridge": 3.2,
    "desk": 4,
    "front": 4,
    "web": 4,
    "remote": 3.5,
    "overlay": 3.5,
    "merge": 4.5,
    "wrap": 4,
    "agents": 4,
    "permits": 4,
    "cli": 5,
}
# Edges reach the heart and the faces as Protocols, never as imports.
HANDED_OVER = {name for name, layer in LAYERS.items() if layer == 2}
MAY_SHARE = {"merge", "web", "reducers", "ledger", "summarize", "notations", "cli"}


def modules(root: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), ast.parse(path.read_text("utf-8"))


def imports(tree: ast.Module, package: str) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    inside = {name.removeprefix(package + ".") for name in found if name.startswith(package + ".")}
    return {name.split(".")[0] for name in inside}


def test_every_module_has_a_layer() -> None:
    tops = {name.split(".")[0] for name, _ in modules(SERVER)} - {"__init__"}
    assert tops <= LAYERS.keys()


def test_a_module_imports_lower_layers_only() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, tree in modules(SERVER)
        for other in imports(tree, "coatcheck") - {"__version__"}
        if (top := name.split(".")[0]) != "__init__"
        and not (top == other and top in MAY_SHARE)
        and not (LAYERS[other] < LAYERS[top] and not (other in HANDED_OVER and top != "cli"))
    ]
    assert not wrong


def test_only_cli_imports_adapters() -> None:
    wrong = [
        name
        for name, tree in modules(SERVER)
        if not name.startswith("cli")
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and str(node.module).startswith("coatcheck_adapters"))
        or (isinstance(node, ast.Import) and "coatcheck_adapters" in str(node.names[0].name))
    ]
    assert not wrong


def test_adapters_import_types_and_layer_one_only() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, tree in modules(ADAPTERS)
        for other in imports(tree, "coatcheck")
        if LAYERS[other] >= 2
    ]
    assert not wrong


def test_what_every_start_needs_loads_where_there_is_no_fcntl() -> None:
    code = "import sys; sys.modules['fcntl'] = None; import coatcheck.cli.parts, coatcheck.rewrite"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
