"""What a node logs about itself: actors, the HTTP side, its life."""

from typing import Final

from orders.observability.log_event import LogEvent

_NOTHING = "Nothing."
_REPORT_BUG = "Report it with the exception: it is a bug."

NODE_EVENTS: Final = (
    LogEvent(
        "actor.failed",
        "error",
        "actor error exception",
        "An actor met what it did not expect; it is replaced, its work is kept.",
        _REPORT_BUG,
    ),
    LogEvent(
        "actor.died", "error", "actor", "An actor ended without a word.", _REPORT_BUG
    ),
    LogEvent(
        "actor.hung",
        "error",
        "actor silent_seconds",
        "An actor gave no sign of life and is replaced.",
        "Send SIGUSR1 to see what its thread waits for.",
    ),
    LogEvent(
        "actor.restarting",
        "warning",
        "actor reason delay_seconds handed_back",
        "An actor is being replaced.",
        "See the line before it.",
    ),
    LogEvent(
        "actor.escalated",
        "error",
        "reason",
        "Restarts did not help: the process ends with code 70.",
        "Have it restarted; read the actor.failed lines before.",
    ),
    LogEvent(
        "actor.not_drained",
        "warning",
        "actor reason depth pending",
        "Work was left on the way out: the grace period ended, or PostgreSQL is away. "
        "It is safe in PostgreSQL, or its client was told that it is not stored.",
        "Raise ORDERS_SHUTDOWN__GRACE_SECONDS if time runs out at every stop.",
    ),
    LogEvent(
        "actor.release_failed",
        "warning",
        "actor error",
        "An actor could not close its connection.",
        _NOTHING,
    ),
    LogEvent(
        "actor.message_dropped",
        "debug",
        "actor",
        "A control message met an actor that had just ended.",
        _NOTHING,
    ),
    LogEvent(
        "http.slow_turn",
        "warning",
        "duration_ms suppressed",
        "The event loop stood still for longer than it should.",
        "Look for a busy machine; report it if the machine is idle.",
    ),
    LogEvent(
        "http.request_failed",
        "error",
        "request_id method route exception",
        "A request was answered 500.",
        _REPORT_BUG,
    ),
    LogEvent(
        "http.answered",
        "info",
        "request_id method route status duration_ms key_id tenant_id",
        "A request was answered; only with ORDERS_LOG__ACCESS.",
        _NOTHING,
    ),
    LogEvent(
        "http.answer_failed",
        "error",
        "exception",
        "An answer could not be given to a waiting request; its connection is closed.",
        "Give the node more memory; where the exception is no MemoryError, report it.",
    ),
    LogEvent(
        "http.request_dropped",
        "error",
        "exception",
        "A request could not be served, mostly for want of memory; its connection is "
        "closed.",
        "Give the node more memory; where the exception is no MemoryError, report it.",
    ),
    LogEvent(
        "http.callback_failed",
        "error",
        "exception",
        "Something that the event loop was asked to do failed.",
        _REPORT_BUG,
    ),
    LogEvent(
        "http.accept_failed",
        "error",
        "exception",
        "A new connection could not be taken.",
        _REPORT_BUG,
    ),
    LogEvent(
        "http.connections_limited",
        "warning",
        "count wanted files",
        "So few files may be open that fewer clients are served than "
        "ORDERS_HTTP__MAX_CONNECTIONS says; the next one is answered 503.",
        "Raise the hard limit of open files (ulimit -n, LimitNOFILE of systemd), or "
        "lower the setting.",
    ),
    LogEvent(
        "http.out_of_descriptors",
        "error",
        "",
        "The process may not open more files; new clients wait.",
        "Raise the limit of open files above ORDERS_HTTP__MAX_CONNECTIONS.",
    ),
    LogEvent(
        "http.unanswered",
        "warning",
        "count",
        "Requests were still open when the node stopped.",
        "Raise ORDERS_SHUTDOWN__GRACE_SECONDS if it happens at every stop.",
    ),
    LogEvent(
        "keys.read",
        "info",
        "count",
        "The number of API keys that can be used; said when it changes.",
        _NOTHING,
    ),
    LogEvent(
        "keys.none",
        "warning",
        "",
        "There is no API key: every request is answered 401.",
        "Make one with `orders keys create`.",
    ),
    LogEvent(
        "keys.unread",
        "warning",
        "error",
        "API keys could not be read. Those read last count for "
        "ORDERS_AUTH__MAX_AGE_SECONDS; then requests are answered 503.",
        "Look after PostgreSQL.",
    ),
    LogEvent(
        "failpoints.armed",
        "critical",
        "specification",
        "This node was told to fail at some steps, as in a test.",
        "Take ORDERS_FAILPOINTS away and start the node anew, unless it is a test.",
    ),
    LogEvent(
        "cpu.chosen",
        "info",
        "cpu",
        "The CPU that the busy node keeps to from now on, or any.",
        "Nothing; see *One CPU at a time* in operations.md.",
    ),
    LogEvent(
        "cpu.left_to_the_system",
        "warning",
        "error",
        "A CPU could not be chosen; the node runs on any and tries again.",
        "Nothing, unless it repeats: then set ORDERS_CPU to any.",
    ),
    LogEvent("node.started", "info", "api operations", "Both ports answer.", _NOTHING),
    LogEvent(
        "node.leaving",
        "info",
        "reason seconds",
        "The node was told to stop; it is not ready and takes requests for so long.",
        _NOTHING,
    ),
    LogEvent("node.draining", "info", "reason", "The node was told to stop.", _NOTHING),
    LogEvent(
        "node.stopped",
        "info",
        "unfinished not_stopped exit_code",
        "The last line. What is unfinished is safe in PostgreSQL.",
        _NOTHING,
    ),
    LogEvent(
        "node.refused",
        "error",
        "reason",
        "The database can never be used as it is: the node ends with code 1.",
        "Do what the reason says: run the migrations, or mend the server's settings.",
    ),
    LogEvent(
        "node.escalated",
        "error",
        "reason",
        "The node gives up on itself and ends with code 70.",
        "See actor.escalated.",
    ),
    LogEvent(
        "metrics.gauge_failed",
        "warning",
        "reason error",
        "A gauge could not be read and is missing from the scrape.",
        _REPORT_BUG,
    ),
    LogEvent(
        "library.message",
        "as given",
        "message thread exception",
        "A library (see the field logger) has something to say.",
        "Nothing by itself: what matters is said by an event of its own.",
    ),
    LogEvent(
        "thread.crashed",
        "error",
        "thread exception",
        "A thread ended by an exception.",
        _REPORT_BUG,
    ),
    LogEvent(
        "process.crashed",
        "critical",
        "exception",
        "The main thread ended by an exception.",
        _REPORT_BUG,
    ),
)
