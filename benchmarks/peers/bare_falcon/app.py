"""A peer that stores nothing: what an empty handler costs on Falcon and waitress."""

import logging
import os
import uuid

import falcon
import msgspec
import waitress

THREADS = 64


class NewOrder(msgspec.Struct, forbid_unknown_fields=True):
    """The older service's body."""

    user_id: int
    product_id: int
    quantity: int
    total_price: float


class OrdersResource:
    """Decodes an order and answers as if it had been accepted."""

    def __init__(self) -> None:
        self._read = msgspec.json.Decoder(NewOrder).decode
        self._write = msgspec.json.Encoder().encode

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 202 with a new id."""
        self._read(req.bounded_stream.read())
        resp.status = falcon.HTTP_202
        resp.content_type = falcon.MEDIA_JSON
        resp.data = self._write({"id": str(uuid.uuid4()), "status": "pending"})


def main() -> None:
    """Serve on ``PEER_PORT`` of the loopback."""
    # It warns of every request that waits for a thread: not the work to measure.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    app: falcon.App[falcon.Request, falcon.Response] = falcon.App()
    app.add_route("/orders", OrdersResource())
    waitress.serve(
        app,
        host="127.0.0.1",
        port=int(os.environ["PEER_PORT"]),
        threads=THREADS,
        connection_limit=1000,
        asyncore_use_poll=True,
    )


if __name__ == "__main__":
    main()
