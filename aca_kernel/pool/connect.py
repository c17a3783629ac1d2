"""A pool client from the settings of a kernel or a command."""

from __future__ import annotations

from pathlib import Path

from ..config.options import LOCAL_ENDPOINT, Settings
from ..errors import ConfigurationError
from . import steps
from .auth import TokenSource
from .client import PoolClient
from .endpoint import parse_endpoint

__all__ = ["connect"]


def connect(
    settings: Settings,
    *,
    endpoint: str = "",
    token: str = "",
) -> PoolClient:
    """A client for the configured pool; nothing is sent yet.

    ``endpoint`` and ``token`` stand in for the configured ones, as a started local pool needs
    it. Raises ConfigurationError when there is no endpoint or an option cannot be used.
    """
    settings.check()
    text = endpoint or settings.pool_endpoint.strip()
    if not text:
        raise ConfigurationError(
            "No session pool is configured, so there is nowhere to run this cell.",
            left="Nothing was run, neither in a session nor on this machine.",
            remedy="Set the environment variable ACA_POOL_MANAGEMENT_ENDPOINT to your pool's"
            " management endpoint before starting Jupyter.\n"
            'To try it without Azure, pick the kernel "Azure Sessions Python (local)".',
            steps=steps.from_the_start(),
        )
    if text == LOCAL_ENDPOINT:
        raise ConfigurationError(
            "The local pool has to be started before it can be used.",
            remedy="Run `aca-kernel pool` and use the endpoint that it prints.",
        )
    where = parse_endpoint(text, suffixes=settings.endpoint_suffixes)
    given = token or settings.access_token
    return PoolClient(
        where,
        TokenSource(token=given or None, scope=settings.token_scope),
        api_version=settings.api_version,
        ca_bundle=str(Path(settings.ca_bundle).expanduser()) if settings.ca_bundle else None,
        proxies=settings.proxies(),
    )
