"""Facts about stock that come in lists, each row with its own answer, each business key counted once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from server.catalog import queries as catalog
from server.inventory import service
from server.inventory.service import Fact
from server.kit import commands
from server.kit.auth import Actor, may
from server.kit.rows import BadRow, RowResult
from server.kit.transaction import Tx
from server.network import queries as network
from shared.errors import FieldProblem, ReusedKey
from shared.reasons import Bucket
from shared.stock import Adjustment, CounterSale, MovementReason, Receipt

Row = TypeVar("Row", Adjustment, Receipt, CounterSale)
Feed = Callable[[Tx, Actor, Sequence[object]], Awaitable[list[RowResult]]]


def _refused(row: int, key: str | None, field: str, message: str, remedy: str) -> RowResult:
    return RowResult(
        row=row, key=key, status="refused", errors=(FieldProblem(field=field, message=message, remedy=remedy),)
    )


async def adjust(tx: Tx, actor: Actor, rows: Sequence[object]) -> list[RowResult]:
    """Adjustments by hand: `delta` units of a bucket, with a reason."""
    good = {i: r for i, r in enumerate(rows) if isinstance(r, Adjustment)}
    problems = await _check(tx, actor, "stock.adjust", {i: (r.node, [r.sku]) for i, r in good.items()})
    facts = [
        Fact(r.sku, r.node, r.delta, MovementReason(r.reason), Bucket(r.bucket), reference=r.note)
        for i, r in good.items()
        if i not in problems
    ]
    await service.post(tx, facts, actor=actor.id)
    return _answers(rows, problems, {i: f"{r.sku}@{r.node}" for i, r in good.items()}, set())


async def receive(tx: Tx, actor: Actor, rows: Sequence[object]) -> list[RowResult]:
    """Receipts: the same line of the same document counts once."""
    good = {i: r for i, r in enumerate(rows) if isinstance(r, Receipt)}
    problems = await _check(tx, actor, "stock.receive", {i: (r.node, [r.sku]) for i, r in good.items()})
    keys = {i: f"{r.document}/{r.line}" for i, r in good.items()}
    marks = {i: r.model_dump_json() for i, r in good.items()}
    seen, known = await _once(tx, {i: f"receipt/{good[i].node}" for i in good if i not in problems}, keys, marks)
    problems |= seen
    facts = [
        Fact(r.sku, r.node, r.quantity, MovementReason.RECEIPT, reference=keys[i])
        for i, r in good.items()
        if i not in problems and i not in known
    ]
    await service.post(tx, facts, actor=actor.id)
    await service.place_in_bins(tx, [(r.sku, r.node, r.bin) for i, r in good.items() if r.bin and i not in problems])
    return _answers(rows, problems, keys, known)


async def sell(tx: Tx, actor: Actor, rows: Sequence[object]) -> list[RowResult]:
    """Receipts of the tills: a receipt counts once."""
    good = {i: r for i, r in enumerate(rows) if isinstance(r, CounterSale)}
    asked = {i: (r.node, [line.sku for line in r.lines]) for i, r in good.items()}
    problems = await _check(tx, actor, "stock.feed", asked)
    keys = {i: f"{r.till}/{r.receipt}" for i, r in good.items()}
    marks = {i: r.model_dump_json() for i, r in good.items()}
    seen, known = await _once(tx, {i: f"till/{good[i].node}" for i in good if i not in problems}, keys, marks)
    problems |= seen
    facts = [
        Fact(line.sku, r.node, -line.quantity, MovementReason.SALE, reference=keys[i], happened_at=r.sold_at)
        for i, r in good.items()
        if i not in problems and i not in known
        for line in r.lines
    ]
    await service.post(tx, facts, actor=actor.id)
    return _answers(rows, problems, keys, known)


async def _check(tx: Tx, actor: Actor, action: str, asked: dict[int, tuple[str, list[str]]]) -> dict[int, RowResult]:
    """Rows that name no item or node of ours, or a node that is not the actor's."""
    known = await catalog.known_skus(tx, {sku for _, skus in asked.values() for sku in skus})
    nodes = await network.known_codes(tx)
    wrong: dict[int, RowResult] = {}
    for i, (node, skus) in asked.items():
        if node not in nodes:
            wrong[i] = _refused(i, node, "node", f"No node {node}.", "Correct the code, or load the node first.")
        elif not may(actor, action, node=node):
            wrong[i] = _refused(i, node, "node", f"{node} is not yours.", "Send rows of your own nodes only.")
        elif missing := [s for s in skus if s not in known]:
            wrong[i] = _refused(
                i, missing[0], "sku", f"No item has the SKU {missing[0]}.", "Load the item first, or correct the SKU."
            )
    return wrong


async def _once(
    tx: Tx, scopes: dict[int, str], keys: dict[int, str], marks: dict[int, str]
) -> tuple[dict[int, RowResult], set[int]]:
    """Claim business keys. Returns the rows that contradict what came before, and those that came as they are."""
    claims = {i: commands.Key(scope, keys[i], commands.fingerprint(marks[i])) for i, scope in scopes.items()}
    answers = await commands.begin(tx, list(claims.values()))
    wrong: dict[int, RowResult] = {}
    known: set[int] = set()
    first: dict[tuple[str, str], int] = {}
    for i, key in claims.items():
        if isinstance(answers[key], ReusedKey):
            wrong[i] = _refused(
                i, keys[i], "key", f"{keys[i]} came before with other content.", "Send a correction under its own key."
            )
        elif answers[key] is not None or first.setdefault((key.scope, key.key), i) != i:
            known.add(i)
    await commands.finish(tx, {claims[i]: {"row": "in"} for i in claims if i not in wrong and i not in known})
    return wrong, known


def _answers(
    rows: Sequence[object], problems: dict[int, RowResult], keys: dict[int, str], known: set[int]
) -> list[RowResult]:
    results = []
    for i, row in enumerate(rows):
        if isinstance(row, BadRow):
            results.append(RowResult(row=i, key=row.key, status="refused", errors=row.problems))
        elif i in problems:
            results.append(problems[i])
        else:
            results.append(RowResult(row=i, key=keys[i], status="unchanged" if i in known else "created"))
    return results
