"""Tokens: a given one, or one from Entra ID through azure-identity.

Tokens live in memory only, and nothing here ever shows one.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from typing import Any

from aca_kernel.errors import AuthenticationError, ConfigurationError
from aca_kernel.pool import steps
from aca_kernel.pool.endpoint import Endpoint

__all__ = ["DEFAULT_SCOPE", "TokenSource", "principal_of"]

DEFAULT_SCOPE = "https://dynamicsessions.io/.default"
"""What the service's tokens are for (docs/service.md 12)."""

_EARLY = 300.0  # seconds before its end at which a token is replaced, as azure-core does
_TOKEN = re.compile(r"[\x21-\x7e]+")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EXPIRED = frozenset(["50078", "50089", "50133", "50173", "70008", "70043", "700081", "700082"])
"""Entra ID's codes for a login that was good once: too old, unused for long, password changed."""
_SIGN_IN = (
    "Sign in with one of:\n"
    "  az login                          a person, on a machine with the Azure CLI\n"
    "  a managed identity                on an Azure machine: nothing to do but the role\n"
    "  AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET    a service principal\n"
    "  ACA_ACCESS_TOKEN                  a token for https://dynamicsessions.io"
)


class TokenSource:
    """Where the client's bearer token comes from; may be used from any thread.

    A ``token`` that is given is used as it is. Otherwise ``credential``, an object of
    azure-identity's kind, is asked for ``scope``; without one,
    ``azure.identity.DefaultAzureCredential`` is, made when the first token is needed.

    Raises ConfigurationError when the given token cannot be one.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        scope: str = DEFAULT_SCOPE,
        credential: Any | None = None,
    ) -> None:
        token = token.strip() if token else None
        if token is not None and not _TOKEN.fullmatch(token):
            raise ConfigurationError(
                "The access token holds characters that no token has.",
                left="Nothing was sent.",
                remedy="Give the token alone, without quotes, line breaks or the word Bearer.",
            )
        self._given = token
        self._scope = scope
        self._credential = credential
        self._made = credential is None  # then it is ours to make, and to make anew
        self._lock = threading.Lock()
        self._token: str | None = None
        self._refresh_at = self._ends_at = 0.0

    def __repr__(self) -> str:
        return f"<TokenSource: {'a given token' if self.is_given else 'Entra ID'}>"

    @property
    def is_given(self) -> bool:
        """Whether the token was given, so that there is no fresh one to be had."""
        return self._given is not None

    def get(self) -> str:
        """A token that is good for five minutes more, or for half of a shorter life.

        Raises AuthenticationError when there is no login.
        """
        if self._given is not None:
            return self._given
        with self._lock:
            now = time.time()
            if self._token is not None and now < self._refresh_at:
                return self._token
            fetched, trouble = self._fetch()
            if fetched is None:
                if self._token is not None and now < self._ends_at:
                    return self._token  # the old one still serves
                raise trouble
            self._token, self._ends_at = fetched.token, float(fetched.expires_on)
            lifetime = max(0.0, self._ends_at - now)
            self._refresh_at = self._ends_at - min(_EARLY, lifetime / 2)
            return self._token

    def drop(self) -> bool:
        """Forget the token, because the service refused it; whether `get` gives another."""
        if self.is_given:
            return False
        with self._lock:
            self._token = None
            if self._made:
                self._credential = None  # it keeps tokens too
        return True

    def check(self, endpoint: Endpoint) -> None:
        """Raise ConfigurationError when a token of this source must not go to the endpoint.

        Entra ID's never go to this machine: whoever listens there could use them.
        """
        if not endpoint.is_loopback:
            return
        if self._given is None:
            raise ConfigurationError(
                "A local pool needs the token that it printed, and none is given.",
                left="Nothing was sent; an Azure login is never used on this machine.",
                remedy="Set ACA_ACCESS_TOKEN to that token.",
            )
        if _is_entra(self._given):
            raise ConfigurationError(
                "The access token is one of Entra ID, but the endpoint is on this machine.",
                left="Nothing was sent.",
                remedy="Give the token that the local pool printed, or the endpoint of the "
                "pool in Azure.",
            )

    def _fetch(self) -> tuple[Any, AuthenticationError]:
        """A token of the credential, or None and why there is none."""
        trouble = AuthenticationError("")
        try:
            if self._credential is None:
                from azure.identity import DefaultAzureCredential

                self._credential = DefaultAzureCredential()
            fetched = self._credential.get_token(self._scope)
        except Exception as error:  # azure-identity lets through what its parts raise
            trouble = _no_token(error, self._scope)
        else:
            if isinstance(fetched.token, str) and _TOKEN.fullmatch(fetched.token):
                return fetched, trouble
            trouble = AuthenticationError("The login gave a token that cannot be one.")
        return None, trouble


def _no_token(error: Exception, scope: str) -> AuthenticationError:
    """What the failure of a credential means; its own text may name people and machines."""
    left = "Nothing was sent."
    if isinstance(error, ImportError):
        return AuthenticationError(
            "The package azure-identity cannot be imported, so there is no way to sign in.",
            left=left,
            remedy="Install it (pip install azure-identity), or give a token in ACA_ACCESS_TOKEN.",
        )
    code = re.search(r"AADSTS(\d{4,8})", str(error))
    if code:
        verdict = (
            "The Azure login has expired" if code[1] in _EXPIRED else ("Entra ID refused the login")
        )
        return AuthenticationError(
            f"{verdict} ({code[0]}).",
            left=left,
            remedy=f"{_SIGN_IN}\nWhat the code means: https://login.microsoftonline.com/error",
            steps=steps.log_in(scope),
        )
    return AuthenticationError(
        "No Azure login was found.", left=left, remedy=_SIGN_IN, steps=steps.log_in()
    )


def principal_of(token: str) -> tuple[str, str] | None:
    """Whose token it is: an object id of Entra ID and the principal type, as roles want them.

    None when the token does not tell. Nothing is verified: what a token says of itself is only
    good for a command that the user looks at.
    """
    claims = _claims(token)
    id_ = claims.get("oid")
    if not isinstance(id_, str) or not _OBJECT_ID.fullmatch(id_):
        return None
    is_person = claims.get("idtyp") == "user" or any(
        isinstance(claims.get(name), str) for name in ("upn", "unique_name", "scp")
    )
    return id_.lower(), "User" if is_person else "ServicePrincipal"


def _claims(token: str) -> dict[str, Any]:
    """The payload of a JWT, unverified; {} for what is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _is_entra(token: str) -> bool:
    """Whether a token is a JWT of Entra ID, or one for dynamic sessions."""
    payload = _claims(token)
    issuer, audience = str(payload.get("iss", "")), str(payload.get("aud", ""))
    return bool(
        re.search(r"login\.microsoftonline\.|sts\.windows\.net|login\.partner\.", issuer)
        or re.search(r"dynamicsessions|acasessions|2c7dd73f-7a21-485b", audience)
    )
