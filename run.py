"""The door of the service: one process, one node.

    settings -> servers (given, or embedded) -> actors and HTTP -> wait -> drain

Started by ``make run`` and by the container; ``orders serve`` does the same. The
architecture is drawn in docs/architecture.md, and put together in
``cli/composition.py``, in the same order.
"""

import sys

try:
    from orders.cli.serve import serve
except ModuleNotFoundError as error:
    todo = "run `make install`, then .venv/bin/python run.py; or just `make run`"
    sys.exit(f"cannot start: {error}: {todo}")

if __name__ == "__main__":
    sys.exit(serve())
