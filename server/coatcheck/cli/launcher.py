"""The launcher that wrapped entries name: it starts the plain upstream if coatcheck cannot run.

Nothing can stand in for coatcheck before a remote server; its agent is told so.
"""

import shlex
import sys
from pathlib import Path

import coatcheck_adapters

# Answers every request with an error, because an agent shows that and not what stderr says.
GONE = """\
why="coatcheck is gone or broken, and this remote server is reached through it: install it again\
 and run coatcheck wrap, or give the entry its address back"
echo "coatcheck: $why" >&2
while read -r line; do
  id=$(printf '%s\\n' "$line" | sed -nE 's/.*"id" *: *("[^"]*"|[0-9]+).*/\\1/p')
  [ -z "$id" ] ||
    printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":"%s"}}\\n' "$id" "$why"
done
"""

# Only what a broken installation does: a missing or half-written module, or settings that cannot
# be read (exit code 2). By then nothing was read from the agent, so the upstream can take over.
START = f"""\
import sys
sys.path[:] = [folder for folder in sys.path if folder]
words = sys.argv[1:]
try:
    from coatcheck.cli import main
    code = main(words)
except (ImportError, SyntaxError) as error:
    print("coatcheck:", error, file=sys.stderr)
    code = 2
plain = words[words.index("--") + 1:] if "--" in words else []
if code == 2 and plain:
    import os
    print("coatcheck: cannot run, so", plain[0], "runs without it", file=sys.stderr)
    os.execvp(plain[0], plain)
if code == 2 and "--url" in words:
    import os
    os.execvp("sh", ["sh", "-c", {GONE!r}])
sys.exit(code)
"""

SCRIPT = """\
#!/bin/sh
# Written by `coatcheck wrap`. Starts coatcheck in front of an MCP server; if coatcheck is gone or
# broken, starts the server alone. `coatcheck unwrap` takes it out of the settings again.
COATCHECK_HOME=${{COATCHECK_HOME:-{home}}}
export COATCHECK_HOME
if [ -x {python} ]; then
  exec {python} -c {start} "$@"
fi
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  [ "$1" != --url ] || exec sh -c {gone}
  shift
done
[ $# -gt 1 ] || exit 1
shift
exec "$@"
"""


def path(home: Path) -> Path:
    """Return where the launcher stands; it outlives the installation."""
    return home / "bin" / "coatcheck"


def install(home: Path, python: str = sys.executable) -> Path:
    """Write the launcher for this installation, if it is not there yet, and return its path."""
    target = path(home)
    if not is_current(home, python):
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        new = target.with_suffix(".new")
        new.write_text(_text(home, python), "utf-8")
        new.chmod(0o755)
        new.replace(target)
        compile_modules(Path(__file__).parents[1], Path(coatcheck_adapters.__file__).parent)
    return target


def compile_modules(*packages: Path) -> None:
    """Write the bytecode of packages where it is missing.

    uv installs without it, and then the first start in each agent takes a second longer.
    """
    import compileall  # here because no start needs it

    for package in packages:
        compileall.compile_dir(package, quiet=2)


def is_current(home: Path, python: str = sys.executable) -> bool:
    """Tell whether the launcher stands there and starts this installation."""
    target = path(home)
    return target.is_file() and target.read_text("utf-8") == _text(home, python)


def is_in_cache(python: str = sys.executable) -> bool:
    """Tell whether this installation is one that uvx or pipx run keeps for a while only."""
    parts = Path(python).parts
    return any(part.startswith("archive-v") or part == ".cache" for part in parts)


def _text(home: Path, python: str) -> str:
    parts = {"home": str(home), "python": python, "start": START, "gone": GONE}
    return SCRIPT.format(**{name: shlex.quote(part) for name, part in parts.items()})
