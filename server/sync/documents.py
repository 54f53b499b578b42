"""The documents of a node's devices, built from the rows that own them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from typing import Any

from server.catalog import queries as catalog
from server.fulfilment import queries as fulfilment
from server.inventory import queries as inventory
from server.inventory import receiving
from server.kit.transaction import Tx
from server.network import queries as network
from server.people import queries as people
from shared.stock import ReceivedDoc
from shared.sync import CATALOGUE, ExceptionDoc

FINISHED_FOR = timedelta(days=30)
"""Finished jobs stay on devices this long."""
RECEIVED_FOR = timedelta(days=30)
"""So are deliveries after their last scan."""
PAGE = 2000
MANY = 100_000


def node_stream(node: str) -> str:
    return f"node/{node}"


Document = dict[str, Any]
"""stream, kind, doc_id, version, body (dict, JSON text or None)."""


def document(stream: str, kind: str, doc_id: str, version: int, body: Any) -> Document:
    return {"stream": stream, "kind": kind, "doc_id": doc_id, "version": version, "body": body}


async def stock_documents(tx: Tx, keys: Sequence[tuple[str, str]]) -> list[Document]:
    """Positions (sku, node) as documents of their nodes."""
    return [
        document(node_stream(doc.node), "stock", doc.sku, version, doc.model_dump_json())
        for doc, version in await inventory.stock_docs(tx, keys)
    ]


async def item_documents(tx: Tx, skus: Iterable[str]) -> list[Document]:
    return [
        document(CATALOGUE, "item", doc.sku, 1, doc.model_dump_json())
        for doc in await catalog.docs(tx, sorted(set(skus)))
    ]


async def person_documents(tx: Tx, ids: Sequence[str]) -> list[Document]:
    return [
        document(node_stream(node), "person", doc.id, 1, doc.model_dump_json())
        for node, doc in await people.person_docs(tx, ids=ids)
    ]


async def node_documents(tx: Tx, codes: Sequence[str]) -> list[Document]:
    keys = await people.pass_public_keys(tx)
    return [
        document(node_stream(doc.code), "node", doc.code, 1, doc.model_dump_json())
        for doc in await network.docs(tx, codes, pass_keys=keys)
    ]


def received_documents(docs: Iterable[tuple[ReceivedDoc, int]]) -> list[Document]:
    """Items of deliveries, as the devices of their node know them."""
    return [
        document(node_stream(doc.node), "received", doc.id, version, doc.model_dump_json()) for doc, version in docs
    ]


def exception_document(doc: ExceptionDoc) -> Document:
    """An exception as devices know it: until it is settled."""
    body = None if doc.settled_at else doc.model_dump_json()
    return document(node_stream(doc.node), "exception", str(doc.id), doc.version, body)


async def everything(tx: Tx, node: str) -> AsyncIterator[Document]:
    """All documents of a node's devices and of the catalogue, in one consistent read."""
    for doc in await node_documents(tx, [node]):
        yield doc
    for person_node, person in await people.person_docs(tx, node=node):
        yield document(node_stream(person_node), "person", person.id, 1, person.model_dump_json())
    last = ""
    while skus := await catalog.sku_page(tx, after=last, limit=PAGE):
        for doc in await item_documents(tx, skus):
            yield doc
        last = skus[-1]
    last = ""
    while skus := await inventory.sku_page(tx, node, after=last, limit=PAGE):
        for doc in await stock_documents(tx, [(sku, node) for sku in skus]):
            yield doc
        last = skus[-1]
    for job in await fulfilment.jobs_for_devices(tx, node, since=tx.now - FINISHED_FOR):
        yield document(node_stream(node), "fulfilment", str(job["id"]), job["version"], job["doc"])
    for doc in received_documents(await receiving.recent(tx, node, since=tx.now - RECEIVED_FOR)):
        yield doc
    for exception in await fulfilment.exceptions(tx, node=node, settled=False, limit=MANY):
        yield exception_document(exception)
