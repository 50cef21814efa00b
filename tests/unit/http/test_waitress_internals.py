"""Everything that is built on inside waitress, pinned.

When an upgrade moves something, a test here names it: read what changed, see what
it means for the channel, the parser and the tasks, and only then pin the new one.
"""

import ast
import hashlib
import importlib
import inspect
from importlib.metadata import version
from pathlib import Path

import pytest
from waitress import channel, parser, receiver, server, task, utilities, wasyncore

from orders.http import waitress_edge
from orders.http.waitress_edge import Adjustments

# The source of each function that is called, replaced or worked around.
SOURCES = {
    "channel.HTTPChannel.__init__": "a194769af3fd",
    "channel.HTTPChannel.readable": "e4722238ce60",
    "channel.HTTPChannel.writable": "d0cbd4ae1b3b",
    "channel.HTTPChannel.received": "08d6df73fb69",
    "channel.HTTPChannel.send_continue": "842ebf929f6d",
    "channel.HTTPChannel._flush_some": "fe7a9a752a41",
    "channel.HTTPChannel._flush_exception": "c9f3751ffdb0",
    "channel.HTTPChannel.handle_close": "8f59b9aaa455",
    "channel.HTTPChannel.add_channel": "235de3cdfd2c",
    "channel.HTTPChannel.del_channel": "a018ed85e5e5",
    "channel.HTTPChannel.write_soon": "20eedb92a823",
    "channel.HTTPChannel.service": "f73afa13748e",
    "channel.HTTPChannel.handle_read": "5f1fb08c95aa",
    "channel.HTTPChannel.handle_write": "6c900f395b30",
    "channel.HTTPChannel._flush_outbufs_below_high_watermark": "27a2b75117ab",
    "parser.HTTPRequestParser.__init__": "d43d0602efd2",
    "parser.HTTPRequestParser.received": "b466c02de37d",
    "parser.HTTPRequestParser.parse_header": "c2c093b90178",
    "parser.HTTPRequestParser.close": "a29926ca4e2d",
    "receiver.FixedStreamReceiver": "434997a7017f",
    "task.Task.__init__": "17c205262405",
    "task.Task.service": "d96bb4019c48",
    "task.Task.start": "4a0ea2795492",
    "task.Task.finish": "9bc080ca7474",
    "task.WSGITask.execute": "207afc60fcf3",
    "task.ErrorTask.execute": "4abe3262db04",
    "server.BaseWSGIServer.__init__": "e70a16b5b63c",
    "server.BaseWSGIServer.accept_connections": "c18b3b1efdba",
    "server.BaseWSGIServer.handle_accept": "69bfcf0fc140",
    "server.BaseWSGIServer.readable": "4eea9c1036b5",
    "server.BaseWSGIServer.close": "310014cd5a5b",
    "server.TcpWSGIServer": "b2cb32f191a1",
    "wasyncore.dispatcher": "4d74dc7e94b4",
    "wasyncore.read": "65efa0038062",
    "wasyncore.write": "da89ca259756",
    "buffers.OverflowableBuffer": "545747c4f2e2",
    "trigger.trigger": "48bf86fea4c8",
    "utilities.Error": "374c72f58aca",
}


class Socket:
    """Enough of a socket to make a channel and a server."""

    family = type = proto = 0

    def getsockopt(self, *args):
        return 1

    def setsockopt(self, *args):
        pass

    def setblocking(self, flag):
        pass

    def fileno(self):
        return 999_999

    def getsockname(self):
        return ("127.0.0.1", 80)


@pytest.fixture
def listening():
    made = server.TcpWSGIServer(
        object(),
        map={},
        _start=False,
        _sock=Socket(),
        dispatcher=object(),
        adj=Adjustments(clear_untrusted_proxy_headers=False),
        sockinfo=(0, 0, 0, None),
        bind_socket=False,
    )
    yield made
    made.trigger.close()


@pytest.fixture
def instances(listening):
    """One object of each declared class, by name."""
    adjustments = Adjustments()
    request = parser.HTTPRequestParser(adjustments)
    request.parse_header(b"GET / HTTP/1.0\r\n\r\n")
    connection = channel.HTTPChannel(
        listening, Socket(), ("127.0.0.1", 1), adjustments, map={}
    )
    return {
        "Adjustments": adjustments,
        "Error": utilities.Error("body"),
        "FixedStreamReceiver": receiver.FixedStreamReceiver(1, None),
        "ParsingError": parser.ParsingError(),
        "ClientDisconnected": channel.ClientDisconnected(),
        "HTTPRequestParser": request,
        "Task": task.Task(connection, request),
        "ErrorTask": task.ErrorTask(connection, request),
        "WSGITask": task.WSGITask(connection, request),
        "dispatcher": connection,
        "HTTPChannel": connection,
        "BaseWSGIServer": listening,
        "TcpWSGIServer": listening,
    }


def declared_classes():
    """The classes that the edge declares for type checkers, without protocols."""
    tree = ast.parse(Path(waitress_edge.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        node.name: node
        for node in block.body
        if isinstance(node, ast.ClassDef)
        and not any(getattr(base, "id", "") == "Protocol" for base in node.bases)
    }


def test_the_version_is_the_one_that_was_read():
    assert version("waitress") == "3.0.2"


@pytest.mark.parametrize(("name", "digest"), SOURCES.items())
def test_the_source_is_what_it_was(name, digest):
    module, *path = name.split(".")
    found = importlib.import_module(f"waitress.{module}")
    for part in path:
        found = getattr(found, part)

    source = inspect.getsource(found)

    assert hashlib.sha256(source.encode()).hexdigest()[:12] == digest


@pytest.mark.parametrize("name", declared_classes())
def test_each_declared_field_and_method_exists(name, instances):
    members = [
        statement.target.id if isinstance(statement, ast.AnnAssign) else statement.name
        for statement in declared_classes()[name].body
        if isinstance(statement, ast.AnnAssign | ast.FunctionDef)
    ]

    missing = [member for member in members if not hasattr(instances[name], member)]

    assert missing == []


@pytest.mark.parametrize("name", declared_classes())
def test_each_declared_method_has_its_parameters(name, instances):
    for method in declared_classes()[name].body:
        if isinstance(method, ast.FunctionDef):
            real = inspect.signature(getattr(type(instances[name]), method.name))
            takes_any = any(p.kind is p.VAR_KEYWORD for p in real.parameters.values())
            declared = [argument.arg for argument in method.args.args]

            assert takes_any or set(declared) <= set(real.parameters), method.name


def test_each_exported_name_is_waitresss_own():
    for name in ("HTTPChannel", "HTTPRequestParser", "WSGITask", "TcpWSGIServer"):
        assert getattr(waitress_edge, name).__module__.startswith("waitress.")


def test_reading_and_writing_are_the_guarded_ones():
    assert waitress_edge.read_event is wasyncore.read
    assert waitress_edge.write_event is wasyncore.write


def test_output_is_flushed_however_little_it_is():
    assert Adjustments().send_bytes == 1


def test_the_applications_own_socket_errors_become_a_500():
    assert Adjustments().log_socket_errors is True


def test_tracebacks_are_not_sent_to_clients():
    assert Adjustments().expose_tracebacks is False


def test_small_packets_are_not_delayed():
    options = [option for _, option, value in Adjustments().socket_options if value]

    assert server.socket.TCP_NODELAY in options
