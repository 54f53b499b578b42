"""Which units go into which bag or box. Values only: the pack screen draws them and sends them as packages."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.fulfilment import Fulfilment, Package, PackedLine


@dataclass(frozen=True)
class Bags:
    """`filled` are the bags that were filled one by one; one more, the last, takes whatever is in none of them."""

    filled: tuple[Mapping[int, int], ...] = ()
    """Line -> units, for each bag but the last."""
    grams: Mapping[int, int] = field(default_factory=dict)
    """Bag (counted from 0) -> its weight as it was read off the scale."""

    @property
    def count(self) -> int:
        return len(self.filled) + 1

    def another(self) -> "Bags":
        """One bag more, empty."""
        return replace(self, filled=(*self.filled, {}))

    def without(self, bag: int) -> "Bags":
        """One bag fewer; what was in it goes into the last one."""
        return Bags(tuple(each for index, each in enumerate(self.filled) if index != bag))

    def put(self, held: Mapping[int, int], bag: int, line: int, units: int) -> "Bags":
        """So many units of a line in this bag, as far as they are there and in none of the others."""
        others = sum(each.get(line, 0) for index, each in enumerate(self.filled) if index != bag)
        fitting = max(0, min(units, held.get(line, 0) - others))
        return replace(
            self,
            filled=tuple({**each, line: fitting} if index == bag else each for index, each in enumerate(self.filled)),
        )

    def weighing(self, bag: int, grams: int) -> "Bags":
        """The weight of a bag; 0 forgets it."""
        return replace(self, grams={**self.grams, bag: grams})

    def contents(self, held: Mapping[int, int]) -> list[dict[int, int]]:
        """Line -> units for every bag, the last one included."""
        left = dict(held)
        bags: list[dict[int, int]] = []
        for each in self.filled:
            inside = {line: min(units, left.get(line, 0)) for line, units in each.items()}
            left = {line: units - inside.get(line, 0) for line, units in left.items()}
            bags.append({line: units for line, units in inside.items() if units})
        return [*bags, {line: units for line, units in left.items() if units}]

    def packages(self, held: Mapping[int, int]) -> tuple[Package, ...]:
        """What is sent; empty bags are left out."""
        return tuple(
            Package(
                id=str(index + 1),
                lines=tuple(PackedLine(line=line, quantity=units) for line, units in sorted(inside.items())),
                weight_grams=self.grams.get(index) or None,
            )
            for index, inside in enumerate(self.contents(held))
            if inside
        )


def held_by(job: Fulfilment) -> dict[int, int]:
    """Line -> units that were picked and are still here."""
    return {line.line: line.held for line in job.lines if line.held}


def bags_of(job: Fulfilment) -> Bags:
    """As the job was packed already; one bag with everything otherwise."""
    *first, last = job.packages or (Package(id="1"),)
    grams = {index: each.weight_grams for index, each in enumerate((*first, last)) if each.weight_grams}
    return Bags(tuple({part.line: part.quantity for part in each.lines} for each in first), grams)
