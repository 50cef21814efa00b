"""A peer: orders on FastAPI, asyncpg and aiokafka, as their tutorials would have it.

A request costs one insert and one publish that is waited for; a settlement costs one
transaction. Nothing repairs what is lost between the insert and the publish.
"""

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

BROKERS, TOPIC = os.environ["PEER_BROKERS"], os.environ["PEER_TOPIC"]
CONSUMERS = 4
LIMIT = Decimal(1000)
TABLES = """
create table if not exists orders (
    id uuid primary key, user_id bigint not null, product_id bigint not null,
    quantity int not null, total_price numeric(12, 2) not null, status text not null,
    created_at timestamptz default now());
create table if not exists notifications (
    id bigserial primary key, order_id uuid not null, user_id bigint not null,
    message text not null, created_at timestamptz default now());
"""
INSERT = (
    "insert into orders (id, user_id, product_id, quantity, total_price, status)"
    " values ($1, $2, $3, $4, $5, 'pending')"
)
SETTLE = "update orders set status = $2 where id = $1 and status = 'pending'"
NOTIFY = "insert into notifications (order_id, user_id, message) values ($1, $2, $3)"
READ = "select status from orders where id = $1"

PositiveId = Annotated[int, Field(gt=0)]
Price = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)]


class NewOrder(BaseModel):
    """The older service's body."""

    user_id: PositiveId
    product_id: PositiveId
    quantity: PositiveId
    total_price: Price


async def settle_forever(pool: asyncpg.Pool, consumer: AIOKafkaConsumer) -> None:
    """Settle each order as its event comes."""
    async for record in consumer:
        event = json.loads(record.value)
        order_id = uuid.UUID(event["id"])
        paid = Decimal(event["total_price"]) < LIMIT
        status = "paid" if paid else "payment_failed"
        outcome = "was successful" if paid else "failed"
        async with pool.acquire() as connection, connection.transaction():
            done = await connection.execute(SETTLE, order_id, status)
            if done == "UPDATE 1":
                text = f"Your payment {outcome} for {order_id}"
                await connection.execute(NOTIFY, order_id, event["user_id"], text)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect everything, and settle until the end."""
    pool = await asyncpg.create_pool(
        os.environ["PEER_DATABASE"], min_size=8, max_size=32
    )
    await pool.execute(TABLES)
    producer = AIOKafkaProducer(bootstrap_servers=BROKERS, acks="all")
    await producer.start()
    consumers = [
        AIOKafkaConsumer(
            TOPIC,
            bootstrap_servers=BROKERS,
            group_id=f"{TOPIC}-group",
            auto_offset_reset="earliest",
        )
        for _ in range(CONSUMERS)
    ]
    for consumer in consumers:
        await consumer.start()
    app.state.pool, app.state.producer = pool, producer
    tasks = [asyncio.create_task(settle_forever(pool, it)) for it in consumers]
    yield
    for task in tasks:
        task.cancel()
    for client in (*consumers, producer):
        await client.stop()
    await pool.close()


app = FastAPI(lifespan=lifespan)


@app.post("/orders", status_code=202)
async def create(order: NewOrder) -> dict[str, str]:
    """Store an order, publish it, answer."""
    order_id = uuid.uuid4()
    await app.state.pool.execute(
        INSERT,
        order_id,
        order.user_id,
        order.product_id,
        order.quantity,
        order.total_price,
    )
    event = {
        "id": str(order_id),
        "user_id": order.user_id,
        "total_price": str(order.total_price),
    }
    value = json.dumps(event).encode()
    await app.state.producer.send_and_wait(TOPIC, value, key=order_id.bytes)
    return {"id": str(order_id), "status": "pending"}


@app.get("/orders/{order_id}")
async def read(order_id: uuid.UUID) -> dict[str, str]:
    """Tell how an order stands."""
    status = await app.state.pool.fetchval(READ, order_id)
    if status is None:
        raise HTTPException(404)
    return {"id": str(order_id), "status": status}
