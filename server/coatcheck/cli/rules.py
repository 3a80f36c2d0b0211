"""Try another rule on what is kept of a tool, and write it into the settings."""

import difflib
import hashlib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path

from coatcheck import config, rewrite
from coatcheck.cli.parts import pipeline, registry
from coatcheck.cli.place import Place
from coatcheck.ledger.reader import of_ref, reading
from coatcheck.nodes import NotEditable, NotParsed
from coatcheck.protocols import Artifacts
from coatcheck.replay import Fetch, Replayed, part_of, replay
from coatcheck.ruletext import with_rule
from coatcheck.settings import RULE_KEYS
from coatcheck.types import (
    Artifact,
    ArtifactInfo,
    ConfigError,
    Rule,
    StoreError,
    UnknownRef,
)

# So many artifacts of all tools are looked through for those of one.
MOST_LISTED = 5_000
# Fetches that give all of an artifact.
WHOLE_VERBS = ("whole", "argument")


@dataclass(frozen=True, slots=True)
class Change:
    """What the settings would become; before is None for a file that is not there yet."""

    path: Path
    before: bytes | None
    after: bytes

    @property
    def diff(self) -> str:
        """Return the change as a unified diff, "" when there is none."""
        old, new = (data.decode("utf-8") for data in (self.before or b"", self.after))
        name = self.path.name
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), name, name, lineterm="")
        return "\n".join(lines)

    @property
    def digest(self) -> str:
        """Return what tells whether somebody else has changed the file meanwhile."""
        return hashlib.sha256(self.before or b"").hexdigest()


def owner_of(at: Place, name: str, listed: Sequence[ArtifactInfo]) -> tuple[str, str]:
    """Return upstream and tool of a full name; both may hold dots."""
    for info in listed:
        if info.name == name:
            return info.upstream, info.tool
    known = [upstream for upstream in at.config.upstreams if name.startswith(f"{upstream}.")]
    upstream = max(known, key=len, default=name.partition(".")[0])
    return upstream, name[len(upstream) + 1 :]


def rule_of(at: Place, kept: Artifacts, name: str) -> Rule:
    """Return the rule that holds for a tool, named UPSTREAM.TOOL. Raises: StoreError."""
    # COATCHECK=off switches everything off for a time; that is no setting of the tool.
    found = config.load(at.config.path, {})
    return found.rule(*owner_of(at, name, kept.list(MOST_LISTED)))


def replayed(at: Place, kept: Artifacts, name: str, rule: Rule, last: int) -> list[Replayed]:
    """Return the last artifacts of a tool under another rule, newest first.

    Raises: StoreError, LedgerError.
    """
    listed = kept.list(MOST_LISTED)
    upstream, _ = owner_of(at, name, listed)
    adapters = registry(at, upstream)
    adapters.rule_of = lambda *_: rule
    line = replace(pipeline(at, kept, upstream), reduce=adapters.reduce)
    artifacts = _opened(kept, [info for info in listed if info.name == name], last)
    return [replay(one, line, rule, fetches_of(at.home, one)) for one in artifacts]


def _opened(kept: Artifacts, infos: Sequence[ArtifactInfo], last: int) -> Iterator[Artifact]:
    for info in infos[:last]:
        with suppress(UnknownRef, StoreError):  # it may go meanwhile
            yield replace(kept.peek(info.ref), kept_at=info.kept_at)


def fetches_of(home: Path, artifact: Artifact) -> list[Fetch]:
    """Return what was fetched of an artifact, oldest first. Raises: LedgerError."""
    try:
        with reading(home) as db:
            rows = [row for row in of_ref(db, artifact.ref) if row["kind"] == "fetch"]
    except FileNotFoundError:
        return []
    return [
        Fetch(
            row["verb"],
            row["view_tokens"],
            bool(row["got_whole"]) or row["verb"] in WHOLE_VERBS,
            part_of(artifact, row["part"]),
        )
        for row in rows
        if not row["is_error"]
    ]


def change(at: Place, name: str, rule: Rule, listed: Sequence[ArtifactInfo] = ()) -> Change:
    """Return the change of the settings with which rule holds for a tool.

    The table of the tool says all that differs from its upstream's rule, because of the tables
    of [tools] the first that matches holds alone. Raises: ConfigError.
    """
    path = at.config.path or at.home / "config.toml"
    before = path.read_bytes() if path.exists() else None
    upstream, tool = owner_of(at, name, listed)
    full = f"{upstream}.{tool}"
    try:
        text = (before or b"").decode("utf-8")
        now = config.parse(tomllib.loads(text), path)
        if now.rule(upstream, tool) == rule:
            return Change(path, before, before or b"")
        base = replace(now.defaults, **now.upstream_rules.get(upstream, {}))
        after = with_rule(text, full, differences(base, rule))
        meant = config.parse(tomllib.loads(after), path).rule(upstream, tool)
    except (NotParsed, NotEditable, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f'{path}: {error}; write [tools."{full}"] by hand') from None
    if meant != rule:
        raise ConfigError(f'{path}: another table comes first; write [tools."{full}"] by hand')
    return Change(path, before, after.encode())


def differences(base: Rule, rule: Rule) -> Mapping[str, object]:
    """Return the settings in which rule differs from base, by their names in the file."""
    names = [field.name for field in fields(Rule) if field.name in RULE_KEYS]
    return {
        name: getattr(rule, name) for name in names if getattr(rule, name) != getattr(base, name)
    }


def write(found: Change) -> None:
    """Put a change into its file, whole or not at all. Raises: ConfigError."""
    try:
        if found.before is None:
            found.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(found.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(found.after)
        elif hindrance := rewrite.obstacle(found.path):
            raise ConfigError(f"{found.path}: {hindrance}; change it by hand")
        elif not rewrite.replace(found.path, found.before, found.after, rewrite.OsFiles()):
            raise ConfigError(f"{found.path} was changed meanwhile; look at the change again")
    except OSError as error:
        raise ConfigError(f"{found.path} cannot be written: {error.strerror}") from None
