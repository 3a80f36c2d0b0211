"""Answer a JMESPath query over structured text; what it costs is counted, never timed."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from jmespath import exceptions, functions, parser, visitor

from coatcheck import values
from coatcheck.types import ExcerptError
from coatcheck.values import Value
from coatcheck.view import number

MOST_STEPS = 5_000_000
MOST_QUERY = 2_000
SAID_CHARACTERS = 200
EXAMPLE_DEPTH = 4
EXAMPLE_CHARACTERS = 30
CHARACTERS_A_STEP = 64

_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave, as text, and in words how much of what that is."""

    text: str
    what: str


def query(text: str, expression: str) -> Answer:
    """Return the answer to a JMESPath expression over JSON, NDJSON, YAML, CSV or another table.

    A string comes bare, all else as JSON, numbers as the source wrote them. Raises: ExcerptError,
    with the place of the error and an example that fits text.
    """
    value, form = values.read(text)
    if not form:
        raise ExcerptError(
            'query needs JSON, YAML, CSV or another table and this is none; use grep="…"'
        )
    found = _evaluated(value, expression)
    if found is None:
        example = f"; for example query={quoted(example_for(value))}"
        return Answer("null", f"nothing is there by that name in this {form}{example}")
    counted = number(len(found), "items") if isinstance(found, list) else f"1 {_kind(found)}"
    place, rows = _main_list(value)
    where = f" ({place or 'the list'} holds {len(rows):,})" if rows else ""
    return Answer(values.laid_out(found), f"{counted}{where}")


def _evaluated(value: Value, expression: str) -> Value:
    if len(expression) > MOST_QUERY:
        raise ExcerptError(f"the query is over {MOST_QUERY:,} characters; write a shorter one")
    meter = Meter(MOST_STEPS)
    try:
        parsed: Any = parser.Parser().parse(expression)
        return _Interpreter(meter).visit(parsed.parsed, value)
    except ExcerptError as error:
        raise ExcerptError(f"{error}; {_for_example(value)}") from None
    except exceptions.JMESPathError as error:
        raise ExcerptError(_complaint(expression, error, value)) from None
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        problem = f"cannot be worked out ({type(error).__name__})"
        said = f"query={quoted(expression[:SAID_CHARACTERS])}"
        raise ExcerptError(f"{said} {problem}; {_for_example(value)}") from None


def _complaint(expression: str, error: exceptions.JMESPathError, value: Value) -> str:
    said = f"query={quoted(expression[:SAID_CHARACTERS])}"
    place = getattr(error, "lex_position", getattr(error, "lexer_position", None))
    if place is not None:
        rest = expression[place : place + 12]
        at = f"at {quoted(rest)}" if rest else "at its end"
        return f"{said} is wrong at character {place + 1} ({at}); {_for_example(value)}"
    problem = " ".join(str(error).split())[:200]
    return f"{said} fails: {problem}; {_for_example(value)}"


def _for_example(value: Value) -> str:
    return f"for example query={quoted(example_for(value))}"


def quoted(text: str) -> str:
    """Return text in double quotes, as an argument of a call is written."""
    return json.dumps(text, ensure_ascii=False)


class Meter:
    """Counts the steps of one query. Raises: ExcerptError when they are used up."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Take steps off what is left."""
        self.left -= steps
        if self.left < 0:
            raise ExcerptError(
                f"the query was stopped after {MOST_STEPS:,} steps; first narrow it with a filter"
                " or an index"
            )

    def weigh(self, value: Value) -> None:
        """Spend a step for each value inside value, shared ones every time they occur."""
        todo = [value]
        while todo:
            node = todo.pop()
            if isinstance(node, dict):
                self.spend(len(node))
                todo.extend(v for v in node.values() if isinstance(v, dict | list))
            elif isinstance(node, list):
                self.spend(len(node))
                todo.extend(v for v in node if isinstance(v, dict | list))


class _Functions(functions.Functions):
    """The functions of JMESPath, where one of them could cost much without a step."""

    meter: Meter

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        given = list(resolved_args)
        for argument in given:
            self.meter.spend(_length(argument))
        if function_name == "contains":
            self.meter.weigh(given)
        if function_name == "join" and len(given) == 2:
            self._afford_join(*given)
        found = super().call_function(function_name, given)
        self.meter.spend(_length(found))
        return found

    def _afford_join(self, separator: Any, parts: Any) -> None:
        if isinstance(separator, str) and isinstance(parts, list):
            self.meter.spend(len(separator) * len(parts) // CHARACTERS_A_STEP)

    @functions.signature({"types": []})
    def _func_to_string(self, arg: Any) -> str:
        return arg if isinstance(arg, str) else values.dumps(arg)

    def _get_allowed_pytypes(self, types: Any) -> Any:
        allowed, inner = super()._get_allowed_pytypes(types)  # type: ignore[misc]  # not in its stubs
        if "float" in allowed:
            allowed.append("Real")
        return allowed, [(*names, "Real") if "float" in names else names for names in inner]

    def _convert_to_jmespath_type(self, pyobject: str) -> Any:
        name = "float" if pyobject == "Real" else pyobject
        return super()._convert_to_jmespath_type(name)  # type: ignore[misc]  # not in its stubs


def _length(value: Value) -> int:
    if isinstance(value, str):
        return len(value) // CHARACTERS_A_STEP
    return len(value) if isinstance(value, dict | list) else 0


class _Interpreter(visitor.TreeInterpreter):
    """Evaluates; every node visited is a step, and so is every value that is put together."""

    def __init__(self, meter: Meter) -> None:
        table = _Functions()
        table.meter = meter
        super().__init__(visitor.Options(custom_functions=table))
        self.meter = meter

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self.meter.spend(1)
        return super().visit(node, *args, **kwargs)

    def visit_comparator(self, node: Any, value: Any) -> Any:
        if node["value"] not in ("eq", "ne"):
            return super().visit_comparator(node, value)
        left, right = (self.visit(side, value) for side in node["children"])
        for side in (left, right):
            if isinstance(side, dict | list):
                self.meter.weigh(side)
        return self.COMPARATOR_FUNC[node["value"]](left, right)

    def visit_multi_select_list(self, node: Any, value: Any) -> Any:
        made = super().visit_multi_select_list(node, value)
        self.meter.weigh(made)
        return made

    def visit_multi_select_dict(self, node: Any, value: Any) -> Any:
        made = super().visit_multi_select_dict(node, value)
        self.meter.weigh(made)
        return made

    def visit_flatten(self, node: Any, value: Any) -> Any:
        made = super().visit_flatten(node, value)
        self.meter.spend(_length(made))
        return made

    def visit_slice(self, node: Any, value: Any) -> Any:
        made = super().visit_slice(node, value)
        self.meter.spend(_length(made))
        return made


def example_for(value: Value) -> str:
    """Return a query that gives something of value, with its real keys."""
    place, rows = _main_list(value)
    record = next((row for row in rows if isinstance(row, dict) and row), None)
    if isinstance(record, dict):
        texts = {k: v for k, v in record.items() if _is_handy(v)}
        names = [_name(key) for key in [*texts, *record][:3]]
        wanted = "[" + ", ".join(dict.fromkeys(names)) + "]"
        test = next((f"?{_name(key)}=='{text}'" for key, text in texts.items()), "0:3")
        return f"{place}[{test}].{wanted}"
    if rows:
        return f"{place}[0:3]"
    if isinstance(value, dict) and value:
        return _name(str(next(iter(value))))
    return "@"


def _is_handy(value: Value) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= EXAMPLE_CHARACTERS
        and not set(value) & set("'\\\n")
    )


def _main_list(value: Value) -> tuple[str, list[Any]]:
    """Return the path and the items of the longest list near the top."""
    best: tuple[str, list[Any]] = ("", [])
    for place, found in _lists("", value, EXAMPLE_DEPTH):
        if len(found) > len(best[1]):
            best = place, found
    return best


def _lists(place: str, value: Value, depth: int) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(value, list):
        yield place, value
    elif isinstance(value, dict) and depth:
        for key, inner in value.items():
            path = f"{place}.{_name(str(key))}" if place else _name(str(key))
            yield from _lists(path, inner, depth - 1)


def _name(key: str) -> str:
    return key if _NAME.match(key) else quoted(key)


def _kind(value: Value) -> str:
    if isinstance(value, dict):
        return "object"
    return "text" if isinstance(value, str) else "value"
