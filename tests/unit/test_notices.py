"""The one look of what this kernel itself has to say."""

from __future__ import annotations

from aca_kernel.outputs.notices import notice

TEXT = "Cut: <script>alert(1)</script>\nSave it & %download that."


def test_a_notice_is_plain_text_where_there_is_no_html() -> None:
    assert notice(TEXT)["data"]["text/plain"].splitlines() == [
        "[aca-kernel] Cut: <script>alert(1)</script>",
        "[aca-kernel] Save it & %download that.",
    ]


def test_a_notice_is_open_and_folds_without_a_script() -> None:
    markup = notice(TEXT)["data"]["text/html"]
    assert markup.startswith("<details open ")
    assert markup.count("<summary") == 1
    assert "<script" not in markup
    assert "&lt;script&gt;alert(1)&lt;/script&gt;<br>Save it &amp; %download that." in markup


def test_a_notice_has_the_colours_of_the_page() -> None:
    assert "#" not in notice("text")["data"]["text/html"]
    assert "color" not in notice("text")["data"]["text/html"]
