"""The agents that are connected: who may have another one, which one a request means."""

import asyncio
import secrets

from coatcheck.protocols import Connect
from coatcheck.types import HttpSettings
from coatcheck.web.lease import Lease
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
        self._live: set[Lease] = set()
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

    def open(self, principal: str, client: Client) -> Session | None:
        """Begin a session, on the connection of the client's refused probe if there is one.

        None if it would be one too many.
        """
        probe = self._stateless.get(principal, {}).get(client)
        is_free = probe is not None and probe.is_free
        if self._is_stopping or (self.obstacle and not is_free):
            return None
        session = Session(secrets.token_urlsafe(24), principal, self._settings.idle_seconds)
        self._sessions[session.id] = session
        if probe is not None and is_free:
            del self._stateless[principal][client]
            session.lease = probe.lease
            session.lease.agent = session
            session.lease.keep(self._settings.idle_seconds)
        else:
            self._begin(session.lease)
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
            self._begin(agents[client].lease)
        return agents[client]

    def _begin(self, lease: Lease) -> None:
        self._live.add(lease)
        self._tasks.create_task(self._run(lease))

    async def _run(self, lease: Lease) -> None:
        try:
            await lease.live(self._connect)
        finally:
            self._live.discard(lease)
            for agent in self._agents():
                if agent.lease is lease:
                    agent.end()
            for session in [each for each in self._sessions.values() if each.lease is lease]:
                del self._sessions[session.id]
            for agents in self._stateless.values():
                for name in [name for name, agent in agents.items() if agent.lease is lease]:
                    del agents[name]

    def _agents(self) -> list[Session | Stateless]:
        stateless = [agent for agents in self._stateless.values() for agent in agents.values()]
        return [*self._sessions.values(), *stateless]

    def stop(self) -> None:
        """Take no further connection, and end the responses that would last for ever."""
        self._is_stopping = True
        for agent in self._agents():
            agent.end_listening()

    def end(self) -> None:
        """End every connection."""
        self.stop()
        for agent in self._agents():
            agent.end()
