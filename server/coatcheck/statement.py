"""Tell an agent that asks what was saved: by a resource, by a prompt."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from coatcheck import spans
from coatcheck.protocols import Books
from coatcheck.types import CoatcheckError, RequestError

URI = "coatcheck://savings"
TEMPLATE = {
    "uriTemplate": URI + "{?since,by}",
    "name": "savings",
    "description": "What coatcheck saved, net; since: 7d or 2026-11-15, by: tool, day, client, ...",
    "mimeType": "application/json",
}
NAME = "savings"
PROMPT = {"name": NAME, "description": "What coatcheck saved, net"}
ASKED = "Show me this report word for word in a code block, and nothing else:\n\n"
INVALID_PARAMS = -32602


class Statement:
    """Answers what one agent asks about the savings; books are read when it does.

    The prompt is offered only where the upstream has prompts, and none of its own of that name: a
    capability that it does not have is never claimed.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._is_offered = False
        self._is_theirs = False

    def answers(self, method: str, params: Mapping[str, object]) -> bool:
        """Tell whether a request asks for the savings."""
        if method == "prompts/get":
            return self._is_offered and not self._is_theirs and params.get("name") == NAME
        uri = str(params.get("uri", ""))
        return method == "resources/read" and uri.partition("?")[0] == URI

    def answer(self, method: str, params: Mapping[str, object], also: bytes) -> bytes:
        """Return the `result` member; also holds further members, as JSON. Raises: RequestError."""
        try:
            if method == "prompts/get":
                text = {"type": "text", "text": ASKED + self._books.as_text()}
                message = spans.dumps({"role": "user", "content": text})
                return b'{"messages":[' + message + b"]" + also + b"}"
            uri = str(params.get("uri", ""))
            asked = dict(parse_qsl(uri.partition("?")[2]))
            text = {"uri": uri, "mimeType": "application/json", "text": self._books.as_json(asked)}
        except (CoatcheckError, ValueError) as error:
            raise RequestError(INVALID_PARAMS, f"Error: {error}") from error
        return b'{"contents":[' + spans.dumps(text) + b"]" + also + b"}"

    def with_prompt(self, result: bytes) -> bytes | None:
        """Return the last page of a list of prompts with ours, None for other pages."""
        prompts = spans.member(result, "prompts")
        if prompts is None:
            return None
        listed = spans.loads(result)
        named = listed.get("prompts") if isinstance(listed, dict) else None
        entries = [entry for entry in named or () if isinstance(entry, dict)]
        self._is_theirs |= any(entry.get("name") == NAME for entry in entries)
        if self._is_theirs or spans.member(result, "nextCursor"):
            return None
        self._is_offered = True
        comma = b"," if entries else b""
        at = prompts.end - 1
        return spans.apply(result, [(at, at, comma + spans.dumps(PROMPT))])
