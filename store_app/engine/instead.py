"""Verbs for what the customer takes instead: what is offered for a line that is not there, take it, put it back."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from shared import fulfilment as f
from shared.barcodes import Scanned
from shared.fulfilment import Fulfilment, JobLine
from shared.stock import StockDoc
from shared.sync import ItemDoc
from store_app.engine.results import Result, refused
from store_app.engine.session import LEADS
from store_app.engine.verbs import JobId, Verbs


@dataclass(frozen=True)
class Choice:
    """An item the customer agreed to, and what of it is here."""

    item: ItemDoc
    stock: StockDoc | None

    @property
    def here(self) -> int:
        return self.stock.buckets.sellable if self.stock else 0


class InsteadVerbs(Verbs):
    """All of it works without a network: who agreed to what travels with the job."""

    @property
    def may_substitute(self) -> bool:
        """Whether the signed-in person may take a substitute. The store's policy says `anyone`, `leads` or `nobody`."""
        match str(self._lookup.node.policy.get("substitute", "anyone")):
            case "nobody":
                return False
            case "leads":
                return self._session.can(*LEADS)
        return True

    def choices(self, line: JobLine) -> list[Choice]:
        """What may be taken instead, the customer's best first, what is on a shelf before what is not."""
        if not self.may_substitute or line.open == 0:
            return []
        found = [self._lookup.item(sku) for sku in line.substitutes]
        known = [Choice(item, self._view.stock(item.sku)) for item in found if item]
        return sorted(known, key=lambda choice: choice.here <= 0)

    def substitute(
        self, job: JobId, line: int, sku: str, units: int, reason: str = "not_found", scanned: Scanned | None = None
    ) -> Result:
        """`units` more of `sku` are in the tote in place of units of the line, which are not there for this reason."""
        if not self.may_substitute:
            return refused("may_not_substitute")

        def command(id_: UUID, now: Fulfilment) -> f.Substitute:
            taken = self._mine(now, _line_of(now, line, sku))[0]
            read = {"scanned": scanned.text[:200], "serial": scanned.serial, "lot": scanned.lot} if scanned else {}
            grams = scanned.grams if scanned else None
            fields = {"fulfilment": id_, "line": line, "sku": sku, "total": max(0, taken + units), "reason": reason}
            return f.Substitute.model_validate({**fields, **read, "grams": grams})

        item = self._lookup.item(sku)
        code = "substituted" if units > 0 else "unpicked"
        result = self._do(job, command, code, name=item.name if item else sku, units=abs(units))
        if result.notice.code == "put_back_extra":
            return Result(result.ok and result.n is not None, "note", result.notice, result.job, result.n)
        return result

    def take_back(self, job: JobId, substitute: JobLine, units: int = 1) -> Result:
        """Undo: the substitute goes back to its shelf, and what was ordered is to be picked again."""
        return self.substitute(job, substitute.replaces or 0, substitute.sku, -units)


def _line_of(job: Fulfilment, line: int, sku: str) -> int:
    """The substitute's line, 0 while nothing was taken."""
    return next((each.line for each in job.lines if each.replaces == line and each.sku == sku), 0)
