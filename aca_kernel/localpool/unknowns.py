"""Switches of the local pool that its clients are tried with."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Unknowns"]


@dataclass(frozen=True, kw_only=True)
class Unknowns:
    """What a service may do that nobody has published; 0 and False: it does not.

    The traits of `PoolApp` with these names say what each of them means.
    """

    max_request_size: int = 0
    output_limit_max: int = 0
    unfinished_answers: bool = False
    one_call_at_a_time: bool = False
    session_guid_per_call: bool = False
    no_session_calls: bool = False
    metadata_delay: float = 0
