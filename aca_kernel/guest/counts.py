"""Expressions by which a guest kernel's next cell gets the number that the notebook shows.

Sent into the session: Python 3.8 and later.
"""

from __future__ import annotations

from typing import Any

__all__ = ["count_request"]


def count_request(number: int, *, forget: bool = False) -> dict[str, Any]:
    """A silent execute_request that makes the next cell In[number], its history padded up to there.

    ``forget`` takes away the results that have this number or a later one.
    """
    pad = (
        f"[s.__setattr__('execution_count', {number}) or [(l.__delitem__(slice({number}, None)),"
        f" l.extend([''] * ({number} - len(l)))) for l in (s.history_manager.input_hist_parsed,"
        " s.history_manager.input_hist_raw)] and None for s in [get_ipython()]]"
    )
    # Its database wants each line's number once a session, so going back begins another one.
    anew = (
        "[(s.history_manager.writeout_cache(), s.history_manager.new_session())"
        f" for s in [get_ipython()] if s.execution_count > {number}] and None"
    )
    results = (
        "[[d.pop(k, None) for d, k in ((s.user_ns['_oh'], n), (s.user_ns, '_%d' % n),"
        " (s.history_manager.output_hist_reprs, n))] and None"
        f" for s in [get_ipython()] for n in range({number}, s.execution_count)] and None"
    )
    return {
        "code": "",
        "silent": True,
        "store_history": False,
        "user_expressions": {
            "history": anew,
            **({"results": results} if forget else {}),
            "count": pad,
        },
        "allow_stdin": False,
        "stop_on_error": False,
    }
