"""Know which upstream a tool, prompt, resource or task belongs to."""

import re
from collections.abc import Iterable, Sequence

from coatcheck.merge.names import Names

MOST_TASKS = 10_000
_VARIABLE = re.compile(r"\{([+#./;?&]?)[^{}]*\}")
# What a variable may stand for, by its operator; a server may be laxer, so what no template
# matches is asked of every upstream.
_STANDS_FOR = {"": r"[^/?#]*", "+": r".*", "#": r".*", "/": r".*", "?": r".*", "&": r".*"}


class Owners:
    """The owners of one session, by what the upstreams have listed so far."""

    def __init__(
        self, upstreams: Sequence[str], *, flat: bool = False, fetch_tool: str = ""
    ) -> None:
        self.tools = Names(upstreams, flat=flat, reserved=(fetch_tool,))
        self.prompts = Names(upstreams, flat=flat)
        self._uris: dict[str, str] = {}
        self._templates: dict[str, tuple[re.Pattern[str], str]] = {}
        self._tasks: dict[str, str] = {}

    def names(self, method: str) -> Names | None:
        """Return the names that a list of this method is about."""
        return {"tools/list": self.tools, "prompts/list": self.prompts}.get(method)

    def learn_uris(self, upstream: str, uris: Iterable[str]) -> None:
        """Note resources; the first upstream that lists one keeps it."""
        for uri in uris:
            self._uris.setdefault(uri, upstream)

    def learn_templates(self, upstream: str, templates: Iterable[str]) -> None:
        """Note templates of resources; the first upstream that lists one keeps it."""
        for template in templates:
            self._templates.setdefault(template, (_pattern(template), upstream))

    def learn_task(self, upstream: str, task: str) -> None:
        """Note a task."""
        self._tasks.pop(task, None)
        self._tasks[task] = upstream
        if len(self._tasks) > MOST_TASKS:
            del self._tasks[next(iter(self._tasks))]

    def of_uri(self, uri: str) -> str:
        """Return whose resource this is, "" if nobody has listed it or anything like it.

        Where all listed resources of its scheme are one upstream's, it is that one's.
        """
        if uri in self._uris:
            return self._uris[uri]
        for pattern, upstream in self._templates.values():
            if pattern.fullmatch(uri):
                return upstream
        scheme = uri.partition(":")[0] + ":"
        alike = {up for listed, up in self._uris.items() if listed.startswith(scheme)}
        return alike.pop() if len(alike) == 1 else ""

    def of_template(self, template: str) -> str:
        """Return whose template, or resource, this is, "" if nobody has listed it."""
        found = self._templates.get(template)
        return found[1] if found else self.of_uri(template)

    def of_task(self, task: str) -> str:
        """Return whose task this is, "" if it is not known."""
        return self._tasks.get(task, "")


def _pattern(template: str) -> re.Pattern[str]:
    """Return what the uris of a template look like. Source: RFC 6570."""
    parts, position = [], 0
    for variable in _VARIABLE.finditer(template):
        parts.append(re.escape(template[position : variable.start()]))
        many = "*" in variable[0]
        parts.append(".*" if many else _STANDS_FOR.get(variable[1], r"[^/?#]*"))
        position = variable.end()
    return re.compile("".join(parts) + re.escape(template[position:]), re.DOTALL)
