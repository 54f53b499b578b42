"""Verbs of the floor: accept, scan, pick, short, pack, stage, label, ship, send back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID
from zoneinfo import ZoneInfo

from shared import fulfilment as f
from shared.barcodes import ScanKind, Scanned, read
from shared.fulfilment import Fulfilment, JobLine, State
from shared.scanning import Act, Next, ScanPolicy, Screen, WorkInHand, step, walk
from shared.stock import StockDoc
from shared.sync import ItemDoc
from store_app.engine.instead import InsteadVerbs
from store_app.engine.results import Result, ScanResult, Tone, notice, refused
from store_app.engine.session import LEADS
from store_app.engine.verbs import JobId

_LOGGED = frozenset({ScanKind.ITEM, ScanKind.UNKNOWN, ScanKind.STAGING, ScanKind.JOB})
"""Codes that name no person. What is unknown may be anything, an identity card too: only that it came is kept."""
SCAN_POLICIES: Mapping[str, ScanPolicy] = {"one_per_line": "one_per_line", "none": "none"}


@dataclass(frozen=True)
class PickStep:
    """One line of the pick screen."""

    line: JobLine
    item: ItemDoc | None
    stock: StockDoc | None
    instead_of: ItemDoc | None = None
    """What a substitute stands in for."""


class PickVerbs(InsteadVerbs):
    """Every verb returns when its command is on the disk."""

    def accept(self, job: JobId) -> Result:
        return self._do(job, lambda id_, _: f.Accept(fulfilment=id_), "accepted")

    def take_over(self, job: JobId) -> Result:
        """Go on with what somebody else began."""
        return self._do(job, lambda id_, _: f.TakeOver(fulfilment=id_), "taken_over")

    def reject(self, job: JobId, reason: str) -> Result:
        """Send the whole job back to be routed again."""
        return self._do(job, lambda id_, _: f.Reject.model_validate({"fulfilment": id_, "reason": reason}), "rejected")

    # ------------------------------------------------------------ pick

    def pick_list(self, job: JobId, focus: int | None = None) -> list[PickStep]:
        """The open lines in walking order, with what a screen shows of each."""
        found = self._view.job(UUID(str(job)))
        if found is None:
            return []
        stock = {line.sku: doc for line in found.lines if (doc := self._view.stock(line.sku))}
        return [self.step_of(found, line) for line in walk(found, stock, focus)]

    def step_of(self, job: Fulfilment, line: JobLine) -> PickStep:
        """A line with its item and its shelf."""
        ordered = job.line(line.replaces) if line.replaces is not None else None
        instead_of = self._lookup.item(ordered.sku) if ordered else None
        return PickStep(line, self._lookup.item(line.sku), self._view.stock(line.sku), instead_of)

    @property
    def scan_policy(self) -> ScanPolicy:
        """How picks are confirmed in this store: `every_unit`, `one_per_line` or `none` (a tap is enough)."""
        return SCAN_POLICIES.get(str(self._lookup.node.policy.get("scan", "every_unit")), "every_unit")

    @property
    def may_pick_without_scan(self) -> bool:
        """Whether the signed-in person may confirm a pick by tapping."""
        return self.scan_policy == "none" or self._session.can(*LEADS)

    def pick(self, job: JobId, line: int, units: int = 1) -> Result:
        """Confirm by hand that `units` more were picked, if the policy allows it."""
        if not self.may_pick_without_scan:
            return refused("scan_each_unit")
        return self._pick(job, line, units, None)

    def unpick(self, job: JobId, line: int, units: int = 1) -> Result:
        """Undo: units of this device go back."""
        found = self._lookup.job(job)
        taken = found.line(line) if found else None
        if taken is not None and taken.replaces is not None:
            return self.take_back(job, taken, units)
        return self._pick(job, line, -units, None)

    def _pick(self, job: JobId, line: int, units: int, scanned: Scanned | None) -> Result:
        def command(id_: UUID, now: Fulfilment) -> f.Pick:
            total = max(0, self._mine(now, line)[0] + units)
            if scanned is None:
                return f.Pick(fulfilment=id_, line=line, total=total)
            return f.Pick(
                fulfilment=id_,
                line=line,
                total=total,
                scanned=scanned.text[:200],
                serial=scanned.serial,
                lot=scanned.lot,
                grams=scanned.grams,
            )

        result = self._do(job, command, "picked" if units > 0 else "unpicked", line=line, units=abs(units))
        if result.notice.code == "put_back_extra":
            return Result(result.ok and result.n is not None, "note", result.notice, result.job, result.n)
        return result

    def short(self, job: JobId, line: int, units: int, reason: str) -> Result:
        """`units` (all that are open, at most) cannot be picked; they are routed again at once."""

        def command(id_: UUID, now: Fulfilment) -> f.Short:
            found = now.line(line)
            more = min(units, found.open) if found else units
            total = self._mine(now, line)[1] + more
            return f.Short.model_validate({"fulfilment": id_, "line": line, "total": total, "reason": reason})

        return self._do(job, command, "short_noted", line=line, units=units)

    def confirm(
        self,
        job: JobId,
        line: int,
        units: int,
        raw: str,
        *,
        serial: str | None = None,
        grams: int | None = None,
        instead: str | None = None,
        reason: str = "not_found",
    ) -> Result:
        """Carry out a scan that had a question (`Act.ASK`): which item, how many of a pack, its serial, its weight; and
        whether this item is to be taken `instead` of the line's (`Act.SUBSTITUTE`)."""
        scanned = read(raw)
        told = replace(scanned, serial=serial or scanned.serial, grams=grams or scanned.grams)
        with self._db.lock:
            found = self._view.job(UUID(str(job)))
            known = found.line(line) if found else None
            if serial and known and serial in known.serials:
                return refused("same_serial", found, serial=serial)
            if instead is not None:
                return self.substitute(job, line, instead, units, reason, told)
            return self._pick(job, line, units, told)

    # ------------------------------------------------------------ scan

    def scan(
        self,
        job: JobId | None,
        raw: str,
        *,
        screen: Screen = "pick",
        line: int | None = None,
        counted: Mapping[int, int] | None = None,
        symbology: str | None = None,
    ) -> ScanResult:
        """A scan on a screen. A right one is carried out (pick, stage) and on the disk when this returns; any other
        says where to go (`act`, `value`) or what is wrong.

        What it means is decided and carried out under one lock: of two people who scan the last unit, or the same
        serial number, one is told."""
        self._session.touch()
        scanned = read(raw, symbology)
        with self._db.lock:
            return self._scan(UUID(str(job)) if job else None, scanned, screen, line, counted or {})

    def _scan(
        self, job: UUID | None, scanned: Scanned, screen: Screen, line: int | None, counted: Mapping[int, int]
    ) -> ScanResult:
        found = self._view.job(job) if job else None
        jobs = self._jobs_meant(scanned)
        items = [] if jobs else self._lookup.items_of(scanned)
        work = WorkInHand(
            screen=screen if found else "any",
            job=found,
            line=line,
            counted=counted,
            policy=self.scan_policy,
            today=self._clock.now().astimezone(ZoneInfo(self._lookup.node.time_zone)).date(),
            wanted=self._wanted(found, line),
            may_substitute=self.may_substitute,
        )
        answer = step(work, scanned, items)
        self._log(scanned, answer, found)
        return self._follow(answer, scanned, found, jobs)

    def _jobs_meant(self, scanned: Scanned) -> list[Fulfilment]:
        """Jobs a code names: a typed short code or a parcel's number is one of ours before it is an item."""
        if scanned.kind in (ScanKind.SHORT_CODE, ScanKind.PACKAGE, ScanKind.TOTE, ScanKind.JOB, ScanKind.ORDER):
            return self._lookup.jobs_by_code(
                scanned.text if scanned.kind is not ScanKind.PACKAGE else scanned.value or ""
            )
        return []

    def _wanted(self, job: Fulfilment | None, focus: int | None) -> ItemDoc | None:
        if job is None:
            return None
        waiting = [line for line in job.lines if line.open > 0]
        line = next((each for each in waiting if each.line == focus), waiting[0] if waiting else None)
        return self._lookup.item(line.sku) if line else None

    def _follow(self, answer: Next, scanned: Scanned, job: Fulfilment | None, jobs: list[Fulfilment]) -> ScanResult:
        if answer.act is Act.PICK and job is not None and answer.line is not None:
            return _scan_result(answer, self._pick(job.id, answer.line, answer.units, scanned))
        if answer.act is Act.STAGE and job is not None:
            if f.FULFILMENT.can(job.state, "stage", job.method):
                return _scan_result(answer, self.stage(job.id, answer.value))
            return _scan_result(answer, refused("not_packed_yet", job, place=answer.value))
        if answer.act in (Act.OPEN_JOB, Act.OPEN_ORDER):
            return _open(answer, jobs)
        tone: Tone = "wrong" if answer.wrong else "note" if answer.act in (Act.ASK, Act.SUBSTITUTE) else "right"
        said = answer.notice or notice(answer.act.value)
        return _scan_result(answer, Result(not answer.wrong, tone, said, job))

    def _log(self, scanned: Scanned, answer: Next, job: Fulfilment | None) -> None:
        if scanned.kind in _LOGGED:
            code = "?" if scanned.kind is ScanKind.UNKNOWN else scanned.text[:80]
            values = (self._clock.now().isoformat(), code, answer.act.value, str(job.id) if job else None)
            self._db.later("INSERT INTO scan_log (at, code, act, job) VALUES (?, ?, ?, ?)", values)

    # ------------------------------------------------------------ pack and send

    def pack(self, job: JobId, packages: tuple[f.Package, ...] = ()) -> Result:
        """Everything that was picked, in these bags or boxes (none given: one bag)."""

        def command(id_: UUID, now: Fulfilment) -> f.Pack:
            lines = tuple(f.PackedLine(line=x.line, quantity=x.held) for x in now.lines if x.held)
            return f.Pack(fulfilment=id_, packages=packages or (f.Package(id="1", lines=lines),))

        return self._do(job, command, "packed")

    def unpack(self, job: JobId) -> Result:
        """Undo packing: the units are loose again."""
        return self._do(job, lambda id_, _: f.Unpack(fulfilment=id_), "unpacked")

    def stage(self, job: JobId, place: str) -> Result:
        """The bag stands at `place`."""
        return self._do(job, lambda id_, _: f.Stage(fulfilment=id_, place=place), "staged", place=place)

    def label(self, job: JobId, carrier: str, tracking: str) -> Result:
        """The parcel carries this label."""
        return self._do(
            job, lambda id_, _: f.Label(fulfilment=id_, carrier=carrier, tracking=tracking), "labelled", carrier=carrier
        )

    def ship(self, job: JobId) -> Result:
        """The carrier has it."""
        return self._do(job, lambda id_, _: f.Ship(fulfilment=id_), "shipped")

    # ------------------------------------------------------------ what comes next

    def next_action(self, job: Fulfilment) -> str | None:
        """The next thing to do, for the big button: accept, pick, pack, stage, label, ship, hand_off or None."""
        parcel = not f.FULFILMENT.can("packed", "stage", job.method)
        match job.state:
            case State.OFFERED:
                return "accept"
            case State.ACCEPTED | State.PICKING:
                return "pick"
            case State.PICKED:
                return "pack"
            case State.PACKED:
                return "label" if parcel else "stage"
            case State.AWAITING_CARRIER:
                return "ship"
            case State.READY | State.ON_THE_WAY | State.ARRIVED:
                return "hand_off"
        return None


def _open(answer: Next, jobs: list[Fulfilment]) -> ScanResult:
    """A label that names a job: the job itself when it is here."""
    if len(jobs) == 1:
        said = Result(True, "right", notice("open_job", job=jobs[0].number), jobs[0])
        return ScanResult(**vars(said), act=Act.OPEN_JOB, value=str(jobs[0].id))
    if answer.act is Act.OPEN_ORDER or jobs:
        return ScanResult(True, "right", notice("open_order"), act=Act.OPEN_ORDER, value=answer.value)
    return ScanResult(False, "wrong", notice("unknown_job", scanned=answer.value), act=Act.WRONG, value=answer.value)


def _scan_result(answer: Next, result: Result) -> ScanResult:
    job = result.job
    return ScanResult(
        **vars(result),
        act=answer.act,
        value=answer.value,
        line=job.line(answer.line) if job and answer.line is not None else None,
        units=answer.units,
        item=answer.item,
        choices=answer.choices,
    )
