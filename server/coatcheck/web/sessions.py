"""The agents that are connected: who may have another one, which one a request means."""

import asyncio
import secrets

from coatcheck.front import Connect
from coatcheck.types import HttpSettings
from coatcheck.web.session import Session
from coatcheck.web.stateless import Stateless

# The name and version that a client gives itself.
Client = tuple[str, str]
NAMELESS: Client = ("", "")


class Sessions:
    """The sessions of the handshake era by id, and the clients of the era after it.

    Requests of the latter say nothing of a session. Those of one principal that give themselves
    the same name and version share a connection, because a server of that era may not remember
    anything between two requests; nothing is shared between principals. A request that does not
    say whose it is goes to any connection of its principal.
    """

    def __init__(self, connect: Connect, tasks: asyncio.TaskGroup, settings: HttpSettings) -> None:
        self._connect = connect
        self._tasks = tasks
        self._settings = settings
        self._sessions: dict[str, Session] = {}
        self._stateless: dict[str, dict[Client, Stateless]] = {}
        self._live: set[Session | Stateless] = set()
        self._is_stopping = False

    def __len__(self) -> int:
        return len(self._live)

    @property
    def obstacle(self) -> str:
        """Say why there can be no further connection, "" if there can."""
        if self._is_stopping:
            return "coatcheck is stopping"
        if len(self._live) >= self._settings.max_sessions:
            return (
                f"{len(self._live)} sessions are open, the limit; end one, wait until one is idle"
                " or raise http.max_sessions in config.toml"
            )
        return ""

    def open(self, principal: str) -> Session:
        """Begin a session."""
        session = Session(secrets.token_urlsafe(24), principal, self._settings.idle_seconds)
        self._sessions[session.id] = session
        self._begin(session)
        return session

    def find(self, id: str, principal: str) -> Session | None:
        """Return the session of this id if it is of this principal and lives."""
        session = self._sessions.get(id)
        if session is None or session.principal != principal or session.lease.is_over:
            return None
        return session

    def stateless(self, principal: str, client: Client) -> Stateless | None:
        """Return the agent of a client without sessions; None if it would be one too many."""
        agents = self._stateless.setdefault(principal, {})
        for name in [name for name, agent in agents.items() if agent.lease.is_over]:
            del agents[name]
        if agents and client == NAMELESS:
            return next(iter(agents.values()))
        if client not in agents and NAMELESS in agents:
            agents[client] = agents.pop(NAMELESS)
        if client not in agents:
            if self.obstacle:
                return None
            agents[client] = Stateless(principal, self._settings.idle_seconds)
            self._begin(agents[client])
        return agents[client]

    def _begin(self, agent: Session | Stateless) -> None:
        self._live.add(agent)
        self._tasks.create_task(self._run(agent))

    async def _run(self, agent: Session | Stateless) -> None:
        try:
            await agent.lease.live(self._connect, agent)
        finally:
            agent.end()
            self._live.discard(agent)
            if isinstance(agent, Session):
                self._sessions.pop(agent.id, None)

    def stop(self) -> None:
        """Take no further connection, and end the responses that would last for ever."""
        self._is_stopping = True
        for agent in self._live:
            agent.end_listening()

    def end(self) -> None:
        """End every connection."""
        self.stop()
        for agent in self._live:
            agent.end()
