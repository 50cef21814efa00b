"""The door of the service: one process, one node.

    settings -> servers (given, or embedded) -> actors and HTTP -> wait -> drain

Started by ``make run`` and by the container. With words behind it, it is the command
line: ``run.py migrate`` is ``orders migrate``, and so is each other command. The
architecture is drawn in docs/architecture.md, and put together in
``cli/composition.py``, in the same order.
"""

import sys

try:
    from orders.cli.main import main
except ModuleNotFoundError as error:
    todo = "run `make install`, then .venv/bin/python run.py; or just `make run`"
    sys.exit(f"cannot start: {error}: {todo}")

if __name__ == "__main__":
    main(sys.argv[1:] or ["serve"])
