"""coatcheck wrap, unwrap and status: the server entries of agent clients, changed in place."""

import json
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import unified_diff
from pathlib import Path

import click

from coatcheck import journal, rewrite
from coatcheck.cli import launcher
from coatcheck.cli.configs import Choice, ConfigFile, find
from coatcheck.cli.home import home
from coatcheck.cli.local import Stand, stands, taken_back
from coatcheck.cli.offer import offer
from coatcheck.cli.permits import Permit, wanted
from coatcheck.cli.text import plain, table
from coatcheck.dialect import Dialect
from coatcheck.nodes import NotEditable, NotParsed
from coatcheck.permits import TOOL
from coatcheck.remote import address, needs_login
from coatcheck.types import ConfigError
from coatcheck.wrap import Server, Sheet, same, wrapped
from coatcheck.wrap import read as read_text
from coatcheck_adapters.clients import DIALECTS

CLIENT = click.option(
    "--client", "clients", multiple=True, type=click.Choice([d.name for d in DIALECTS]),
    metavar="NAME", help="Only this client; may be given again.",
)  # fmt: skip
SCOPE = click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(["user", "project", "local"]),
    help="Only files of this scope; may be given again.",
)  # fmt: skip
ONLY = click.option("--only", multiple=True, metavar="SERVER", help="Only this server.")
TRACKED = click.option("--tracked", is_flag=True, help="Change files that git tracks, too.")
LOCAL = click.option("--local", is_flag=True, help="Wrap what git tracks for you alone.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the changes, write nothing.")
YES = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
CACHED = """\
coatcheck runs from a cache that may be emptied; your servers would then start without it. Install
it (`uv tool install coatcheck` or `pipx install coatcheck`) and run `coatcheck wrap` once more."""
JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@dataclass(frozen=True, slots=True)
class Row:
    """One server of one client as it is listed."""

    client: str
    scope: str
    server: str
    transport: str
    state: str
    why: str
    file: str
    project: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """What wrap or unwrap does: to servers in which states, with which change of the text."""

    verb: str
    states: Collection[str]
    change: Callable[[Sheet, Sequence[Server]], str]


# The files to change, each with project and name of its servers.
Todo = Sequence[tuple[ConfigFile, Sequence[tuple[str, str]]]]
UNWRAP = Task("unwrap", {"wrapped"}, taken_back)


@dataclass(frozen=True, slots=True)
class Answers:
    """How the user is asked and answered."""

    dry_run: bool = False
    yes: bool = False
    as_json: bool = False


@click.command()
@CLIENT
@SCOPE
@ONLY
@click.option("--all", "disabled", is_flag=True, help="Wrap servers that are switched off, too.")
@TRACKED
@LOCAL
@DRY_RUN
@YES
@JSON
def wrap(
    clients: Sequence[str],
    scopes: Sequence[str],
    only: Sequence[str],
    disabled: bool,
    tracked: bool,
    local: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Wrap the servers of your agents. Their own settings are changed, reversibly.

    Example: coatcheck wrap --client claude-code --dry-run
    """
    program = _program()
    states = {"plain", "disabled"} if disabled else {"plain"}
    task = Task("wrap", states, lambda sheet, servers: wrapped(sheet, servers, program))
    choice = Choice(clients, scopes, only, tracked, local)
    if not carry_out(task, choice, Answers(dry_run, yes, as_json)):
        sys.exit(1)


@click.command()
@CLIENT
@SCOPE
@ONLY
@TRACKED
@DRY_RUN
@YES
@JSON
def unwrap(
    clients: Sequence[str],
    scopes: Sequence[str],
    only: Sequence[str],
    tracked: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Take coatcheck out of your agents' settings again. Your own later changes stay.

    Example: coatcheck unwrap --only github
    """
    choice = Choice(clients, scopes, only, tracked, unverified=True)
    if not carry_out(UNWRAP, choice, Answers(dry_run, yes, as_json)):
        sys.exit(1)


@click.command()
@CLIENT
@SCOPE
@JSON
def status(clients: Sequence[str], scopes: Sequence[str], as_json: bool) -> None:
    """List the servers of your agents, and which are wrapped.

    Example: coatcheck status
    """
    files = list(find(DIALECTS, Choice(clients, scopes)))
    _list(files, Answers(as_json=as_json), [])


def carry_out(task: Task, choice: Choice, answers: Answers) -> bool:
    """List the servers, ask, and change the chosen ones; tell whether all of that succeeded.

    Raises: ConfigError, click.Abort.
    """
    files = list(find(DIALECTS, choice))
    todo = [(file, names) for file in files if (names := _names(task, choice, file))]
    _check(choice, files)
    if answers.dry_run or not answers.as_json:
        _list(files, answers, [])
    _tell_left(task, files)
    alone = list(stands(files, choice, _program())) if choice.local else []
    if answers.dry_run:
        _show(task, choice, () if answers.as_json else todo, alone)
        return True
    if (todo or alone) and not answers.yes:
        _ask(task, todo, alone, answers)
    if task.verb == "wrap" and (todo or alone or any(file.holds("wrapped") for file in files)):
        _install()
    stood = [stand for stand in alone if _edit(stand.path, _noted(stand.path, stand.plan))]
    written = [file for file, names in todo if _write(task, file, names)]
    permitted = [
        permit
        for permit in _permits(task, choice, todo)
        if not permit.obstacle and _edit(permit.path, permit.plan)
    ]
    if answers.as_json:
        _list(list(find(DIALECTS, choice)), answers, written)
    else:
        _close(task, written, permitted, stood)
        if task.verb == "wrap":
            _tell_logins((file, names) for file, names in todo if file in written)
            if (written or stood) and not answers.yes:
                offer()
    return len(written) == len(todo) and len(stood) == len(alone)


def _program() -> str:
    return str(launcher.path(home()))


def _tell_logins(done: Iterable[tuple[ConfigFile, Sequence[tuple[str, str]]]]) -> None:
    """Say which servers may ask who the user is; the login that the client has is not ours."""
    commands = {
        f"coatcheck login {shlex.quote(server.name)} --url {shlex.quote(url)}"
        for file, chosen in done
        for server in (file.sheet.servers if file.sheet else ())
        if (server.project, server.name) in chosen
        and (url := address(server.entry.value, file.dialect))
        and needs_login(server.entry.value, file.dialect)
    }
    for command in sorted(commands):
        click.echo(plain(f"If it asks who you are: {command}"))


def _check(choice: Choice, files: Sequence[ConfigFile]) -> None:
    """Check that every name asked for is one of a server. Raises: ConfigError."""
    known = {server.name for file in files if file.sheet for server in file.sheet.servers}
    if unknown := set(choice.only) - known:
        raise ConfigError(f"no server is named {min(unknown)}; `coatcheck status` lists them")


def _tell_left(task: Task, files: Sequence[ConfigFile]) -> None:
    """Say on stderr which files stay wrapped though all were to be unwrapped, and why."""
    for file in files:
        if task.verb == "unwrap" and file.obstacle and file.holds("wrapped"):
            click.echo(f"{file.path}: stays wrapped: {file.obstacle}", err=True)


def _install() -> None:
    """Write the launcher, also where nothing is to wrap: it may be gone, or coatcheck moved."""
    try:
        launcher.install(home())
        if launcher.is_in_cache():
            click.echo(CACHED, err=True)
    except OSError as error:
        where = launcher.path(home())
        raise click.ClickException(
            f"{where} cannot be written: {error.strerror}; see COATCHECK_HOME"
        ) from None


def _names(task: Task, choice: Choice, file: ConfigFile) -> list[tuple[str, str]]:
    """Return project and name of the servers of file that the task changes."""
    servers = file.sheet.servers if file.sheet else ()
    return [(s.project, s.name) for s in servers if choice.takes(file, s, task.states)]


def _list(files: Sequence[ConfigFile], answers: Answers, written: Sequence[ConfigFile]) -> None:
    rows = [row for file in files for row in _rows(file)]
    if answers.as_json:
        paths = sorted({str(file.path) for file in written})
        shown = {"rows": [asdict(row) for row in rows], "written": paths}
        click.echo(json.dumps(shown, indent=1))
        return
    if not rows:
        click.echo("No servers found in the settings of any client.")
        return
    head = ("client", "scope", "server", "transport", "state", "why not")
    lines = [
        (row.client, row.scope, plain(row.server), row.transport, row.state, plain(row.why))
        for row in rows
    ]
    click.echo(table([head, *lines], left=len(head)))


def _rows(file: ConfigFile) -> Iterator[Row]:
    at = file.dialect.name, file.location.scope
    if file.sheet is None:
        yield Row(*at, "-", "", "unreadable", f"{file.path}: {file.obstacle}", str(file.path))
        return
    for server in file.sheet.servers:
        named = server.name, server.transport, server.state
        yield Row(*at, *named, file.reason(server), str(file.path), server.project)


def _ask(task: Task, todo: Todo, alone: Sequence[Stand], answers: Answers) -> None:
    """Ask once. Raises: ConfigError where nobody can answer, click.Abort for a no."""
    if answers.as_json or not sys.stdin.isatty():
        raise ConfigError(f"nobody can be asked here; add --yes to {task.verb}, or --dry-run")
    count = sum(len(names) for _, names in todo) + sum(len(stand.names) for stand in alone)
    files = len({*(file.path for file, _ in todo), *(stand.path for stand in alone)})
    click.confirm(f"{task.verb.capitalize()} {count} servers in {files} files?", abort=True)


def _show(task: Task, choice: Choice, todo: Todo, alone: Sequence[Stand]) -> None:
    """Print what would change."""
    for stand in alone:
        before = stand.path.read_bytes()
        click.echo(_diff(stand.path, before.decode(), stand.plan(before).decode()), nl=False)
    for file, names in todo:
        try:
            click.echo(_diff(file.path, *_changed(task, file, names)), nl=False)
        except NotEditable as error:
            click.echo(f"{file.path}: {error}; it would not be changed", err=True)
    for permit in _permits(task, choice, todo):
        if not permit.obstacle:
            click.echo(_diff(permit.path, permit.before, permit.after), nl=False)


def _permits(task: Task, choice: Choice, todo: Todo) -> Iterator[Permit]:
    """Yield the changes of rules that go with the task."""
    servers: dict[Dialect, set[str]] = {}
    for file, names in todo:
        servers.setdefault(file.dialect, set()).update(name for _, name in names)
    is_wrap = task.verb == "wrap"
    for dialect, found in servers.items():
        yield from wanted(dialect, sorted(found), permit=is_wrap, tracked=choice.tracked)


def _diff(path: Path, before: str, after: str) -> str:
    """Return the change as a unified diff without context, which might hold secrets."""
    lines = unified_diff(
        before.splitlines(), after.splitlines(), str(path), str(path), lineterm="", n=0
    )
    return "".join(plain(line) + "\n" for line in lines)


def _changed(task: Task, file: ConfigFile, names: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Return the text of file before and after the task. Raises: NotEditable."""
    sheet = file.sheet
    if sheet is None:
        raise NotEditable(file.obstacle)
    servers = [s for s in sheet.servers if (s.project, s.name) in names and s.state in task.states]
    after = task.change(sheet, servers)
    return sheet.text, _original(file, after) if task.verb == "unwrap" else after


def _original(file: ConfigFile, after: str) -> str:
    """Return the text before wrapping if that says the same as after, else after."""
    sheet = file.sheet
    earlier = journal.earlier(_folder(), file.path, sheet.text) if sheet else None
    if earlier is None:
        return after
    old, new = (_said(text, file) for text in (earlier, after))
    return earlier if same(old, new) else after


def _said(text: str, file: ConfigFile) -> object:
    """Return what a text of this file says."""
    return read_text(text, file.dialect, file.location).root.value


def _write(task: Task, file: ConfigFile, names: Sequence[tuple[str, str]]) -> bool:
    """Change one file; read it again when someone else was faster. Tell whether it was written."""

    def plan(data: bytes) -> bytes:
        fresh = replace(file, sheet=read_text(data.decode(), file.dialect, file.location))
        return _changed(task, fresh, names)[1].encode()

    return _edit(file.path, _noted(file.path, plan))


def _noted(path: Path, plan: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return plan, the journal told of each change before it is made."""

    def noted(data: bytes) -> bytes:
        after = plan(data)
        journal.note(_folder(), path, data.decode(), after.decode())
        return after

    return noted


def _edit(path: Path, plan: Callable[[bytes], bytes]) -> bool:
    """Change one file by plan; say on stderr what went wrong. Tell whether it was written."""
    try:
        with rewrite.lock(_folder() / "lock"):
            if rewrite.edit(path, plan, rewrite.OsFiles()):
                return True
        trouble = "another program keeps changing it; close it and try again"
    except (NotParsed, NotEditable, UnicodeDecodeError, OSError) as error:
        trouble = f"{error}; nothing was changed"
    click.echo(f"{path}: {trouble}", err=True)
    return False


def _folder() -> Path:
    return home() / "wrap"


def _close(
    task: Task,
    written: Sequence[ConfigFile],
    permitted: Sequence[Permit],
    stood: Sequence[Stand],
) -> None:
    """Say what was done, and what each client needs for it to take hold."""
    for stand in stood:
        click.echo(f"wrapped for you alone: {plain(', '.join(stand.names))} in {stand.path}")
    if not (written or stood):
        click.echo(f"Nothing to {task.verb}.")
    for path in dict.fromkeys(file.path for file in written):
        click.echo(f"{task.verb}ped: {path}")
    for permit in permitted:
        click.echo(f"rules for {TOOL}: {permit.path}")
    for dialect in dict.fromkeys(file.dialect for file in written):
        click.echo(f"{dialect.title}: {dialect.again}.")
    if task.verb == "wrap" and written:
        click.echo("`coatcheck unwrap` takes it back; `coatcheck status` shows what is wrapped.")
