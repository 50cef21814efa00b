"""PostgreSQL and Kafka together, for ``make run``, ``make demo`` and benchmarks."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Self

from orders.devstack.kafka import EmbeddedKafka
from orders.devstack.lock import DirectoryLock
from orders.devstack.postgres import EmbeddedPostgres
from orders.devstack.progress import Progress, silent


class EmbeddedStack:
    """Both servers, started side by side, with their data in ``data_dir``.

    ``progress`` gets a line for each step that takes longer than a second; it is
    called on several threads. Ctrl-C in a terminal does not reach the servers, and
    none of them outlives this process, ``kill -9`` included.
    """

    def __init__(self, data_dir: Path, *, progress: Progress = silent) -> None:
        self._lock = DirectoryLock(data_dir)
        self.postgres = EmbeddedPostgres(data_dir / "postgres", progress=progress)
        self.kafka = EmbeddedKafka(data_dir / "kafka", progress=progress)

    @property
    def database_url(self) -> str:
        """The libpq URL of the database ``orders``."""
        return self.postgres.url

    @property
    def bootstrap_servers(self) -> str:
        """The address of the broker, ``host:port``."""
        return self.kafka.bootstrap_servers

    def start(self) -> None:
        """Start both and wait until both serve; when one fails, stop the other.

        Raises:
            DevstackError: ``data_dir`` is in use, or a server did not start.

        """
        self._lock.acquire()
        starts: list[Future[None]] = []
        try:
            with ThreadPoolExecutor(2, "devstack") as threads:
                starts.append(threads.submit(self.postgres.start))
                starts.append(threads.submit(self.kafka.start))
            for start in starts:
                start.result()
        except BaseException:
            wait(starts)  # after Ctrl-C they may still be at it
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both in good order; harmless when they are not running."""
        with ThreadPoolExecutor(2, "devstack") as threads:
            stops = [
                threads.submit(self.kafka.stop),
                threads.submit(self.postgres.stop),
            ]
        self._lock.release()
        for stop in stops:
            stop.result()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
