"""What servers that think are called: SCHEME://HOST:PORT, and what else is said of them, ?KEY=VALUE."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mimicgen.datagen.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a server is.

    Attributes:
        host: Its name or number.
        port: Its port.
        said: What else is said of it.
    """

    host: str
    port: int
    said: Mapping[str, str]

    def __str__(self) -> str:
        """Return host and port, as they stand in messages and records."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def address_of(what: str, *, port: int, keys: Sequence[str]) -> Address:
    """Return where a server is.

    Args:
        what: What it is called.
        port: The port where none is said.
        keys: What else can be said of it.

    Raises:
        ConfigError: It is not called like that.
    """
    try:
        parts = urllib.parse.urlsplit(what)
        said = urllib.parse.parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        host, own = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"policy = '{what}': {error}; expected {_pattern(what, keys)}") from error
    unknown = [key for key, _ in said if key not in keys]
    if not host or parts.path not in ("", "/") or parts.fragment or parts.username or unknown:
        wrong = f"'{unknown[0]}' is not known" if unknown else "that is no address"
        raise ConfigError(f"policy = '{what}': {wrong}; expected {_pattern(what, keys)}")
    return Address(host=host, port=port if own is None else own, said=dict(said))


def _pattern(what: str, keys: Sequence[str]) -> str:
    more = f" with ?{'=..., ?'.join(keys)}=..." if keys else ""
    return f"{what.partition('://')[0]}://HOST:PORT{more}"
