"""The workbench: a rule tried on the last artifacts of a tool, and written to the settings."""

from collections.abc import Iterator, Mapping, Sequence

from coatcheck.amounts import count, moment, percents
from coatcheck.figures import percent
from coatcheck.replay import TRIED_KEYS, TRIED_MODES, Replayed, Verdict
from coatcheck.settings import KINDS
from coatcheck.types import Rule
from coatcheck.view import number as unit_number
from coatcheck.web.page.call import code_box
from coatcheck.web.page.html import Child, Html, link_to, tag, together
from coatcheck.web.page.layout import Column, badge, choice, document, field, number, table, when
from coatcheck.web.page.source import Trial

PATH = "/workbench"
LAST, MOST = 20, 200
VERDICTS: tuple[Verdict, ...] = ("spared", "needed", "not known")
LABELS = {
    "mode": "Steps that may be taken",
    "budget_tokens": "Budget of a view, tokens",
    "floor_tokens": "Untouched up to, tokens",
    "drop_fields": "Fields never shown",
    "keep_fields": "The only fields shown",
    "key": "Field that names a record",
    "reducer": "Taken for",
}
COLUMNS = (
    Column("at", "kept (UTC)", is_text=True), Column("outcome", "now", is_text=True),
    Column("original", "original", unit="tokens"),
    Column("then", "view then", unit="tokens"), Column("now", "view now", unit="tokens"),
    Column("net_then", "net then", unit="tokens"), Column("net_now", "net now", unit="tokens"),
    Column("spared", "fetches spared"), Column("needed", "needed"),
    Column("unknown", "not known"),
)  # fmt: skip


def begin(known: Sequence[str]) -> Html:
    """Return the page that asks for a tool."""
    return document("Workbench", PATH, tag("h1", "Workbench"), intro(), pick(known))


def intro() -> Html:
    """Say what this is for."""
    return tag(
        "p",
        "Replays the last kept results of a tool under other settings: what the views would have"
        " cost, and which of the fetches that were made they would have spared. No model is asked,"
        " and nothing changes until you write it.",
    )


def pick(known: Sequence[str]) -> Html:
    """Return the form that chooses a tool."""
    if not known:
        return tag("p", "Nothing is kept yet: no result was shortened, or all have expired.")
    return tag(
        "form",
        choice("Tool", "tool", [(name, name) for name in known], ""),
        tag("button", "Choose"),
        method="get",
        action=PATH,
        class_="filters",
    )


def render(trial: Trial, known: Sequence[str], asked: Mapping[str, str], last: int) -> Html:
    """Return the page of a trial; asked holds the settings as they were written."""
    said = "The settings say so now. Running servers take them when they start next."
    return document(
        f"Workbench: {trial.tool}",
        PATH,
        tag("h1", "Workbench"),
        tag("p", said, role="status", class_="said") if asked.get("written") else intro(),
        settings(trial, known, last),
        together(*results(trial)) if trial.rows else tag("p", "Nothing of this tool is kept."),
        rule_change(trial, asked.get("form", "")),
    )


def settings(trial: Trial, known: Sequence[str], last: int) -> Html:
    """Return the form with the rule that is tried."""
    names = [trial.tool, *(name for name in known if name != trial.tool)]
    return tag(
        "form",
        choice("Tool", "tool", [(name, name) for name in names], trial.tool),
        [setting(key, trial.rule) for key in TRIED_KEYS],
        field("Newest results", "last", str(last), type="number", min=1, max=MOST),
        tag("button", "Try"),
        method="get",
        action=PATH,
        class_="filters settings",
    )


def setting(key: str, rule: Rule) -> Html:
    """Return the field of one setting, with its value in rule."""
    value = written(rule, key)
    if key == "mode":
        options = TRIED_MODES if value in TRIED_MODES else (*TRIED_MODES, value)
        return choice(LABELS[key], key, [(mode, mode) for mode in options], value)
    if key == "reducer":
        return choice(LABELS[key], key, [(kind, kind) for kind in KINDS], value)
    if key in ("budget_tokens", "floor_tokens"):
        return field(LABELS[key], key, value, type="number", min=1)
    return field(LABELS[key], key, value, placeholder=hint(key))


def hint(key: str) -> str:
    """Return what an empty field of a setting may hold."""
    return {"drop_fields": "*_url, node_id", "keep_fields": "title, user.*"}.get(key, "")


def written(rule: Rule, key: str) -> str:
    """Return a setting of rule as a field of the form holds it."""
    value = getattr(rule, key)
    return ", ".join(value) if isinstance(value, tuple | list) else str(value)


def results(trial: Trial) -> Iterator[Child]:
    """Yield what the rule comes to: sums, a row per artifact, the newest views side by side."""
    rows = trial.rows
    yield tag("h2", f"The last {unit_number(len(rows), 'results')} of {trial.tool}")
    yield tiles(rows)
    yield table("Results, newest first", COLUMNS, [row(one) for one in rows])
    yield tag(
        "p",
        "Tokens are estimates. A fetch is spared when the new view shows what it gave, needed when"
        " it does not; not known: what it gave was not recorded. What a view leaves out may lead to"
        " fetches that were not needed before.",
        class_="note",
    )
    yield each_fetch(rows)
    yield beside(rows[0])


def each_fetch(rows: Sequence[Replayed]) -> Html | None:
    """Return the fetches that were made and what became of each, folded away."""
    columns = (
        Column("of", "of the result kept", is_text=True), Column("verb", "fetch", is_text=True),
        Column("tokens", "gave", unit="tokens"), Column("verdict", "now", is_text=True),
    )  # fmt: skip
    cells = [
        (when(one.kept_at), weighed.fetch.verb, number(weighed.fetch.tokens), weighed.verdict)
        for one in rows
        for weighed in one.fetches
    ]
    if not cells:
        return None
    return tag("details", tag("summary", "Each fetch"), table("Fetches", columns, cells))


def beside(newest: Replayed) -> Html:
    """Return the view of one artifact as it was sent and as it would be now."""
    then, now = (count(tokens) for tokens in (newest.then_tokens, newest.now_tokens))
    return together(
        tag("h2", f"The newest view, then and now ({moment(newest.kept_at)})"),
        tag(
            "div",
            tag("div", tag("h3", f"Then, {then} tokens"), box("Then", newest.then_view)),
            tag("div", tag("h3", f"Now, {now} tokens"), box("Now", newest.view)),
            class_="beside",
        ),
    )


def box(name: str, text: str) -> Html:
    """Return a view, cut when it is very long: a result that passes may be."""
    most = 20_000
    more = f"\n… ({count(len(text))} characters)" if len(text) > most else ""
    return code_box(name, text[:most] + more)


def tiles(rows: Sequence[Replayed]) -> Html:
    """Return the sums of a trial in large figures."""
    then, now = (sum(values) for values in zip(*map(nets, rows), strict=True))
    base = sum(one.original_tokens for one in rows)
    verdicts = [weighed.verdict for one in rows for weighed in one.fetches]
    spared, needed, unknown = map(verdicts.count, VERDICTS)
    shares = (percents(percent(then, base)), percents(percent(now, base)))
    return tag(
        "dl",
        tile("Net now", number(now, sign=True), "tokens", f"{shares[1]} % of the originals"),
        tile("Net then", number(then, sign=True), "tokens", f"{shares[0]} % of the originals"),
        tile(
            "Fetches spared",
            number(spared),
            f"of {count(len(verdicts))}",
            f"{count(needed)} still needed, {count(unknown)} not known",
        ),
        class_="tiles",
    )


def nets(one: Replayed) -> tuple[int, int]:
    """Return what an artifact saved in its time, and would save now."""
    return one.net_then_tokens, one.net_now_tokens


def tile(name: str, figure: Html, unit: str, more: str) -> Html:
    """Return one large figure."""
    return tag(
        "div",
        tag("dt", name),
        tag("dd", figure, " ", tag("small", unit)),
        tag("dd", more, class_="more"),
    )


def row(one: Replayed) -> Sequence[Child]:
    """Return the cells of one artifact."""
    verdicts = [weighed.verdict for weighed in one.fetches]
    return (
        when(one.kept_at),
        badge(one.now_outcome),
        number(one.original_tokens),
        number(one.then_tokens),
        number(one.now_tokens),
        number(one.net_then_tokens, sign=True),
        number(one.net_now_tokens, sign=True),
        *(number(verdicts.count(verdict)) for verdict in VERDICTS),
    )


def rule_change(trial: Trial, form: str) -> Html:
    """Return the change of the settings as a diff, with the form that writes it."""
    head = tag("h2", "Write it to the settings")
    if trial.trouble:
        return tag("section", head, tag("p", trial.trouble, class_="note"))
    if not trial.diff:
        said = f"This is the rule that holds: {trial.path} says so already."
        return tag("section", head, tag("p", said, class_="note"))
    hidden = {key: written(trial.rule, key) for key in TRIED_KEYS}
    hidden |= {"tool": trial.tool, "digest": trial.digest, "form": form}
    return tag(
        "section",
        head,
        tag("p", "This would change ", tag("code", trial.path), ":"),
        tag("pre", tag("code", map(diff_line, trial.diff.split("\n")), class_="diff"),
            tabindex=0, role="region", aria_label="Change of the settings"),
        tag(
            "form",
            [tag("input", type="hidden", name=key, value=value) for key, value in hidden.items()],
            tag("button", "Write this change"),
            " ",
            tag("a", "Leave it", href=link_to(PATH, tool=trial.tool)),
            method="post",
            action=PATH,
            class_="writing",
        ),
    )  # fmt: skip


def diff_line(line: str) -> Html:
    """Return a line of a diff, marked by what happens to it."""
    kind = {"+": "plus", "-": "minus"}.get(line[:1])
    return tag("span", line + "\n", class_=kind)
