"""Every difference from a local kernel, with its reason. A difference that is not here fails."""

from __future__ import annotations

__all__ = ["REASONS"]

_POLICY = "By design: under the output policy `isolated` (README, Security) "
_FRAME = _POLICY + "HTML that could act comes in a sandboxed frame, with an inert twin."
_SHEET = _POLICY + "a style sheet's rules are put into the elements: it looks the same."
_LEFT_OUT = _POLICY + "this is left out, with a line that says how to show it."
_MARKDOWN = _POLICY + "Markdown is rendered here, and judged as HTML; its source is its text."
_DISPLAY_ID = _POLICY + "a display_id is made one of this session's own."
_NAMES_OF_THEIR_OWN = "Unavoidable: these are numbers of the kernel that answers."
_REPLACES = (
    "By design: no code of a session replaces what stands in a cell. A line says so, with the"
    " text to copy."
)
_CLEANED = _POLICY + "HTML is parsed and written anew: it looks the same."

REASONS: dict[str, str] = {
    "markdown repr": _MARKDOWN,
    "nul": _POLICY + "NUL and other control characters are taken out of text.",
    "recursion": "Unavoidable: the stack below a cell has other functions, so that the traceback"
    " skips another number of frames.",
    "html result": _CLEANED,
    "html with script": _FRAME,
    "html with style": _SHEET,
    "markdown": _MARKDOWN,
    "javascript": _LEFT_OUT,
    "svg": _POLICY + "an SVG comes as an image, in which nothing acts.",
    "metadata": _POLICY + "of a display's metadata passes what only says how to show it.",
    "display_id": _DISPLAY_ID,
    "update": _DISPLAY_ID,
    "update_display": _DISPLAY_ID,
    "progress bar": _CLEANED,
    "code": _SHEET,
    "geojson": _LEFT_OUT,
    "youtube": _POLICY + "nothing loads from the network; the address is shown instead.",
    "iframe": _POLICY + "nothing loads from the network; the address is shown instead.",
    "audio": _CLEANED,
    "dataframe": _POLICY + "a table keeps its look and loses its style element.",
    "widget": _POLICY + "widgets are left out, with a line that says how to show them.",
    "unknown mime": _LEFT_OUT,
    "link": _POLICY + "a link shows its address as text, and leads nowhere.",
    "load": _REPLACES,
    "markdown magic": _MARKDOWN,
    "javascript magic": _LEFT_OUT,
    "recall": _REPLACES,
    "set_next_input replaces": _REPLACES,
    "silent": "By design: Jupyter's messages say that a silent request broadcasts nothing;"
    " ipykernel shows its streams.",
    "silent error": "By design: Jupyter's messages say that a silent request broadcasts nothing;"
    " ipykernel shows its error.",
    "complete empty": "By design: a completion puts no magic into a cell that is no word, such as"
    " `%%!`.",
    "comm_info": _POLICY + "no widget is open here.",
    "history tail": _NAMES_OF_THEIR_OWN,
    "deep expression": "ipykernel gives no reply here, and a front end waits for ever. This kernel"
    " ends the cell with an error.",
    "half a character for the next cell": "As for the deep expression.",
}
"""By the name of the kind."""
