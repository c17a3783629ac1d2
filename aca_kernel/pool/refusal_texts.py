"""The parts of an error answer: its code, its words, its id, how long to wait. Pure.

They are hostile input: they are shown only through `clean`.
"""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["clean", "correlation_id", "named_field", "parse_refusal", "retry_after"]

LONGEST_WAIT = 86_400.0
"""Seconds; who asks to wait longer is not believed."""

_LONGEST = 300  # characters of the service's own words in a message


def parse_refusal(
    status: int, headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str]
) -> tuple[str, str, str]:
    """The (code, message, trace id) of an error answer, each "" when it has none.

    Knows the envelope ``{"error": {...}}``, the flat form, problem+json, a bare JSON
    string, plain text and an empty body (docs/service.md 11), with keys in any case.
    """
    fields = _fields(body)
    lowered = {key.lower(): value for key, value in headers.items()}
    details = _details(fields)
    word = fields.get("error")  # OAuth's form, and that of some gateways
    codes = [fields.get("code"), fields.get("errorcode"), lowered.get("x-ms-error-code"), word]
    words = [fields.get(key) for key in ("message", "title", "detail", "error_description")]
    words += [detail.get("message") for detail in details]
    code = next((str(one) for one in codes if one and isinstance(one, (str, int))), "")
    said = list(dict.fromkeys(one for one in words if isinstance(one, str) and one))
    message = " ".join(said[:4])
    if isinstance(fields.get("errors"), dict):
        message = f"{message} {json.dumps(fields['errors'])[:2000]}"
    trace = fields.get("traceid") or ""
    return (
        re.sub(r"[^A-Za-z0-9_.]", "", clean(str(code), secrets))[:64],
        clean(str(message), secrets),
        _plain_id(str(trace)),
    )


def named_field(body: bytes, secrets: Mapping[str, str]) -> str:
    """The field of the request that an error answer names as wrong; "" when it names none."""
    fields = _fields(body)
    errors = fields.get("errors")
    names = [fields.get("target"), *(errors if isinstance(errors, dict) else ())]
    names += [detail.get("target") for detail in _details(fields)]
    for name in names:
        if isinstance(name, str) and name.strip("$. "):
            return re.sub(r"[^A-Za-z0-9_.\[\]-]", "", clean(name, secrets))[:64].strip("$.")
    return ""


def _details(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What an error says of its parts, in Azure's form."""
    details = fields.get("details")
    return [
        {str(key).lower(): item for key, item in detail.items()}
        for detail in (details[:10] if isinstance(details, list) else ())
        if isinstance(detail, dict)
    ]


def _fields(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        text = body[:2000].decode("utf-8", "replace")
        return {} if text.lstrip().startswith("<") else {"message": text}  # not a page of HTML
    if isinstance(value, str):
        return {"message": value}
    for _ in range(3):  # an envelope may be in an envelope (docs/service.md 4.1)
        if not isinstance(value, dict):
            return {}
        fields = {key.lower(): item for key, item in value.items()}
        if not isinstance(fields.get("error"), dict):
            return fields
        value = fields["error"]
    return {}


def correlation_id(headers: Mapping[str, str], trace: str, ours: str) -> str:
    """What Azure support asks for: the service's id, else the trace id, else our own."""
    lowered = {key.lower(): value for key, value in headers.items()}
    return _plain_id(lowered.get("mise-correlation-id", "")) or trace or ours


def _plain_id(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9._:-]{1,100}", text) else ""


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that the service asks to wait, from a number or a date; None for none."""
    lowered = {key.lower(): value for key, value in headers.items()}
    text = lowered.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(float(text), LONGEST_WAIT)
    try:
        seconds = email.utils.parsedate_to_datetime(text).timestamp() - now
        return min(max(0.0, seconds), LONGEST_WAIT)
    except (ValueError, TypeError, OverflowError):
        return None


def clean(text: str, secrets: Mapping[str, str] | None = None) -> str:
    """Text from the service as it may be shown: one line, short, without control characters.

    Each key of ``secrets`` in it is replaced by its value.
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in text[:20_000]).split())
    for secret, shown in (secrets or {}).items():
        text = re.sub(re.escape(secret), shown.replace("\\", r"\\"), text, flags=re.IGNORECASE)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
