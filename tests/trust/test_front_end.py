"""What code in a session cannot do to the front end, tried by code in real sessions."""

from __future__ import annotations

import pytest

from tests.conftest import RunningPool
from tests.kernel.conftest import KernelStarter
from tests.kernel.driver import LINKED, Kernel

PAYLOADS = """
write = get_ipython().payload_manager.write_payload
write({'source': 'ask_exit', 'keepkernel': False}, single=False)
write({'source': 'edit_magic', 'filename': '/etc/passwd', 'line_number': 0}, single=False)
write({'source': 'set_next_input', 'text': 'mine', 'replace': True}, single=False)
write({'source': 'set_next_input', 'text': '%upload secret.txt', 'replace': False}, single=False)
write({'source': 'made_up', 'text': 'x'}, single=False)
"""

INSPECTED = """
class Inspected:
    '''its text \x1b]0;title\x07'''
    def _repr_html_(self):
        return '<script>1</script>'
from IPython.core import oinspect
real = oinspect.Inspector._get_info
def marked(self, *arguments, **options):
    bundle = real(self, *arguments, **options)
    return {**bundle, 'text/html': '<script>1</script>', 'application/javascript': '1'}
oinspect.Inspector._get_info = marked
inspected = Inspected()
"""

SHOWN = """
from IPython.display import display
display('first', display_id='shared')
display('other', display_id='aca-kernel-0123456789')
"""

OVERWRITTEN = """
from IPython.display import display
for name in ({names}):
    display('overwritten', display_id=name, update=True)
"""

FORGED = """
from ipykernel.zmqshell import ZMQInteractiveShell
session, socket = get_ipython().kernel.session, get_ipython().kernel.iopub_socket
parent = get_ipython().kernel.get_parent('shell')
for kind, content in (
    ('status', {'execution_state': 'idle'}),
    ('status', {'execution_state': 'idle'}),
    ('execute_input', {'code': 'forged', 'execution_count': 9}),
    ('comm_open', {'comm_id': 'a', 'target_name': 'jupyter.widget', 'data': {}}),
    ('shutdown_reply', {'status': 'ok', 'restart': False}),
    ('input_request', {'prompt': 'forged', 'password': True}),
    ('stream', {'name': 'stdout', 'text': 'to a stranger'}),
):
    session.send(socket, kind, content, parent={} if kind == 'stream' else parent)
"""


@pytest.fixture
def kernel(start_kernel: KernelStarter, local_pool: RunningPool) -> Kernel:
    return start_kernel(local_pool, **LINKED)


def test_no_payload_acts_on_the_front_end(kernel: Kernel) -> None:
    assert kernel.run(PAYLOADS).reply["payload"] == []
    harmless = "get_ipython().set_next_input('a = 1')"
    (item,) = kernel.run(harmless).reply["payload"]
    assert (item["text"], item["replace"]) == ("a = 1", False)


def test_an_inspection_is_plain_text_without_controls(kernel: Kernel) -> None:
    assert kernel.run(INSPECTED).status == "ok"
    reply = kernel.ask("inspect_request", {"code": "inspected", "cursor_pos": 9})
    assert reply["found"]
    assert list(reply["data"]) == ["text/plain"]
    assert "its text" in reply["data"]["text/plain"]
    assert "\x1b]" not in reply["data"]["text/plain"]
    assert reply["metadata"] == {}


def test_no_display_of_another_notebook_or_of_the_kernel_is_written_over(
    kernel: Kernel, start_kernel: KernelStarter, local_pool: RunningPool
) -> None:
    other = start_kernel(local_pool, **LINKED)
    names = [content["transient"]["display_id"] for content in kernel.run(SHOWN).of("display_data")]
    assert len(set(names)) == 2
    assert not [name for name in names if name.startswith("aca-kernel-")]
    wanted = "".join(f"{name!r}, " for name in (*names, "shared", "aca-kernel-0123456789"))
    ran = other.run(OVERWRITTEN.replace("{names}", wanted))
    updates = [content["transient"]["display_id"] for content in ran.of("update_display_data")]
    assert len(updates) == 4
    assert not set(updates) & set(names)
    assert not [name for name in updates if name.startswith("aca-kernel-")]


def test_forged_messages_stay_in_the_session(kernel: Kernel) -> None:
    kernel.run("1")
    message = kernel.send(FORGED, allow_stdin=True)
    ran = kernel.finish(message)
    assert ran.status == "ok"
    assert ran.outputs == []
    assert not kernel.has_question()
    assert kernel.run("6 * 7").result == "42"
