"""Choose the adapter that reads the results of a tool: the first that matches."""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from coatcheck import reducers
from coatcheck.protocols import Adapter, Reducer
from coatcheck.reducers.fields import Fields, reduce_by
from coatcheck.types import Aim, Reduction, Rule

logger = logging.getLogger(__name__)

GROUP = "coatcheck.adapters"
CONFIG, BUILT_IN, GENERIC = "config.toml", "built in", "generic"


@dataclass(frozen=True, slots=True)
class Placed:
    """An adapter and where it comes from: config.toml, a package, built in, or generic."""

    adapter: Adapter
    source: str

    def about(self) -> str:
        """Return what the adapter says of itself in one line."""
        return (type(self.adapter).__doc__ or "").strip().split("\n")[0]


@dataclass(frozen=True, slots=True)
class Ruled:
    """Take results as the settings of the tool say."""

    rule: Rule
    name: str = "rule"

    def matches(self, upstream: str, tool: str) -> bool:
        """Match: the settings were looked up for this tool."""
        return True

    def reduce(self, text: str, aim: Aim) -> Reduction | None:
        """Reduce by the fields and the kind that the settings name."""
        rule = self.rule
        fields = Fields(rule.keep_fields, rule.drop_fields, rule.key, rule.reducer)
        return reduce_by(fields, text, aim)


@dataclass(frozen=True, slots=True)
class Generic:
    """Detect the kind of content, then the reducer of that kind."""

    name: str = "generic"

    def matches(self, upstream: str, tool: str) -> bool:
        """Match every tool."""
        return True

    def reduce(self, text: str, aim: Aim) -> Reduction | None:
        """Reduce by what the text looks like."""
        return reducers.reduce(text, aim)


def installed() -> Sequence[Placed]:
    """Return the adapters of installed packages, by the names of their entry points.

    Each entry point names a module with a tuple ADAPTERS; one that cannot be loaded is skipped
    with a warning.
    """
    return list(_installed())


def _installed() -> Iterator[Placed]:
    from importlib.metadata import entry_points  # here: it takes longer than all else

    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            adapters = tuple(entry.load().ADAPTERS)
        except Exception as error:  # noqa: BLE001 - law 3: a failing adapter never fails a call
            logger.warning("adapters of %s cannot be loaded (%r)", entry.name, error)
            continue
        for adapter in adapters:
            yield Placed(adapter, entry.dist.name if entry.dist else entry.name)


@dataclass(slots=True)
class Registry:
    """The adapters in order: rules of the settings, third-party, built-in, generic.

    built_in and third_party are asked at the first result that may be shortened, so that a start
    stays quick. upstreams are the names by which a full tool name is told apart.
    """

    rule_of: Callable[[str, str], Rule]
    built_in: Callable[[], Sequence[Adapter]]
    upstreams: Collection[str] = ()
    third_party: Callable[[], Sequence[Placed]] = installed
    _found: Sequence[Placed] | None = None
    _chosen: dict[str, Adapter] = field(default_factory=dict)

    def reduce(self, text: str, aim: Aim) -> Reduction | None:
        """Return the offer of the first adapter that matches the tool of aim, else the generic.

        Never raises: an adapter that fails gives way (law 3).
        """
        if aim.tool not in self._chosen:
            self._chosen[aim.tool] = self.applying(aim.tool)[0].adapter
        chosen = self._chosen[aim.tool]
        steps: list[Reducer] = [chosen.reduce]
        if not isinstance(chosen, Generic):
            steps.append(reducers.reduce)
        return reducers.first_fit(steps, text, aim)

    def applying(self, full_name: str) -> Sequence[Placed]:
        """Return the adapters that match a tool, named UPSTREAM.TOOL; the first is used."""
        upstream, tool = self._halves(full_name)
        rule = self.rule_of(upstream, tool)
        is_ruled = rule.keep_fields or rule.drop_fields or rule.key or rule.reducer != "auto"
        ruled = [Placed(Ruled(rule), CONFIG)] if is_ruled else []
        return [*ruled, *filter(partial(_matches, upstream, tool), self.known())]

    def known(self) -> Sequence[Placed]:
        """Return all adapters but the rules of the settings, in order."""
        if self._found is None:
            built_in = [Placed(adapter, BUILT_IN) for adapter in self.built_in()]
            self._found = [*self.third_party(), *built_in, Placed(Generic(), GENERIC)]
        return self._found

    def _halves(self, full_name: str) -> tuple[str, str]:
        """Take a full tool name apart; both halves may hold dots."""
        fitting = [name for name in self.upstreams if full_name.startswith(f"{name}.")]
        if fitting:
            upstream = max(fitting, key=len)
            return upstream, full_name[len(upstream) + 1 :]
        upstream, _, tool = full_name.rpartition(".")
        return upstream, tool


def _matches(upstream: str, tool: str, placed: Placed) -> bool:
    try:
        return placed.adapter.matches(upstream, tool)
    except Exception:  # noqa: BLE001 - law 3: a failing adapter never fails a call
        logger.warning("adapter %s of %s failed to match", placed.adapter.name, placed.source)
        return False
