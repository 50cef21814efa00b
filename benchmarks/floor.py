"""The floor: Falcon on stock waitress, 64 threads, an order decoded and not stored."""

import logging
import sys
import uuid

import falcon
import msgspec
import waitress


class Order(msgspec.Struct):
    """The older route's body."""

    user_id: int
    product_id: int
    quantity: int
    total_price: float


class Orders:
    """Answers as if the order had been stored."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(Order).decode

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Decode and answer."""
        self._decode(req.bounded_stream.read())
        resp.content_type = falcon.MEDIA_JSON
        resp.data = msgspec.json.encode({"order_id": str(uuid.uuid4())})


def main() -> None:
    """Serve on the port given as the only argument."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    app: falcon.App[falcon.Request, falcon.Response] = falcon.App()
    app.add_route("/Orders", Orders())
    waitress.serve(
        app,
        listen=f"127.0.0.1:{int(sys.argv[1])}",
        threads=64,
        connection_limit=1000,
        asyncore_use_poll=True,
    )


if __name__ == "__main__":
    main()
