"""How an agent client writes its config files: data that adapters fill in."""

from dataclasses import dataclass
from typing import Literal

# Variables that `coatcheck run` reads and a client that hands on only a few would keep back.
OUR_VARIABLES = ("COATCHECK", "COATCHECK_CONFIG", "COATCHECK_HOME")

Scope = Literal["user", "project", "local", "managed"]


@dataclass(frozen=True, slots=True)
class Location:
    """One config file of a client, and where the entries stand in it.

    path begins with "~/" (the user's folder), "./" (the project), "/" or "{NAME:DEFAULT}/", a
    folder named by an environment variable. at are the keys that lead to the mapping from server
    names to entries (or the list of entries with a name); "*" stands for every key.
    """

    scope: Scope
    path: str
    at: tuple[str, ...]
    notation: Literal["json", "jsonc", "toml", "yaml"] = "json"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is special about the entries of one client.

    args is "" where the command key holds the whole command line as a list. allow are lists of
    the only tools that are offered, approve lists of tools that run without a question, variables
    the list of the environment variables that are handed on (hardly any other is). again is what
    a user does for the change to take hold. addresses are the keys of remote entries for the
    address, each with the transport that it implies ("" is far, the word of `type` for Streamable
    HTTP; near is that for a command); environment and headers are keys of tables, bearer the key
    that names the variable with a token. permits are files with rules that name tools which run
    without a question; at leads to the list. verified: tried with the real program, whose name and
    version are program and tried.
    """

    name: str
    title: str
    locations: tuple[Location, ...]
    again: str
    command: str = "command"
    args: str = "args"
    allow: tuple[str, ...] = ()
    approve: tuple[str, ...] = ()
    variables: str = ""
    addresses: tuple[tuple[str, str], ...] = (("url", ""),)
    near: str = "stdio"
    far: str = "http"
    environment: str = "env"
    headers: str = "headers"
    bearer: str = ""
    permits: tuple[Location, ...] = ()
    verified: bool = False
    program: str = ""
    tried: str = ""
