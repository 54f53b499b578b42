"""Verbs of the counter and the curb: is this the right person, the bag goes out, the customer has come or left.

A pass is checked with the store's public keys and a short code against its hash, both without a network. Who has
neither is let through by a lead's PIN, with or without an ID seen; that hand-off is marked unverified and reviewed
afterwards. A lead's PIN also allows a collector the customer did not name.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from shared import fulfilment as f
from shared import passes
from shared.barcodes import BadCode, split_short_code
from shared.fulfilment import Fulfilment, State
from shared.proofs import ProofPolicy, Signature, asked_for, lacking
from store_app.engine.notify import Topic
from store_app.engine.photos import NoPhoto, Photos
from store_app.engine.results import Result, notice, refused
from store_app.engine.verbs import JobId, Verbs

ProofOf = Literal["pass", "code", "id_seen", "lead_override"]
CHECKED_FOR = timedelta(minutes=15)
"""How long a checked pass or code stands for the hand-off it was shown for."""


@dataclass(frozen=True)
class PassCheck(Result):
    """Whether the right to collect was proved, and for which job. `ok` false with a job: show it, but do not give."""

    proof: ProofOf | None = None


class CounterVerbs(Verbs):
    """Needs the attributes of `Verbs`; what was checked is remembered for a quarter of an hour, in memory."""

    _checked: dict[tuple[UUID, str], datetime]
    _photos: Photos

    # ------------------------------------------------------------ who may collect

    def check_pass(self, raw: str) -> PassCheck:
        """A scanned pickup pass: signature, store, expiry, generation, and how its job stands."""
        keys = [base64.b64decode(key) for key in self._lookup.node.pass_keys]
        offset = self._outbox.offset_ms / 1000
        try:
            claims = passes.verify(keys, raw.strip(), now=self._clock.now(), offset=offset, node=self._lookup.node.code)
        except BadCode as error:
            return PassCheck(False, "wrong", notice(error.code))
        job = self._view.job(claims.fulfilment)
        if job is None:
            return PassCheck(False, "wrong", notice("pass_of_unknown_job"))
        if claims.generation < job.pass_generation:
            return PassCheck(False, "wrong", notice("superseded"), job)
        return self._proved(job, "pass")

    def check_code(self, raw: str) -> PassCheck:
        """A short code that was read out: locator and secret. Five wrong secrets lock it on this device."""
        parts = split_short_code(raw)
        jobs = [job for job in self._lookup.jobs_by_code(raw) if job.code_hash] if parts else []
        if not parts or not jobs:
            return PassCheck(False, "wrong", notice("unknown_short_code"))
        for job in jobs:
            key, hashed = f"code:{job.id}", job.code_hash or ""
            if not self._guard.spend(key, hashed):
                return PassCheck(False, "wrong", notice("code_locked"), job)
            if passes.check_short_code(parts[1], hashed):
                self._guard.forgive(key)
                return self._proved(job, "code")
        return PassCheck(False, "wrong", notice("wrong_short_code"))

    def _proved(self, job: Fulfilment, proof: ProofOf) -> PassCheck:
        if job.state is State.HANDED_OFF:
            by = self._lookup.person_name(job.proof.by if job.proof else None)
            at = job.proof.at.isoformat() if job.proof else ""
            return PassCheck(False, "wrong", notice("already_handed_off", by=by, at=at), job, proof=proof)
        if job.state in f.FULFILMENT.finals:
            return PassCheck(False, "wrong", notice("job_closed", state=job.state.value), job, proof=proof)
        self._checked[(job.id, proof)] = self._clock.now()
        self._bus.tell(Topic.JOBS)
        if not any(line.held for line in job.lines):
            return PassCheck(True, "note", notice("not_ready_yet", state=job.state.value), job, proof=proof)
        return PassCheck(True, "right", notice("pass_right", place=job.staging or ""), job, proof=proof)

    def proved(self, job: JobId) -> ProofOf | None:
        """How the right to collect this job was shown within the last quarter of an hour; None: not yet."""
        found = UUID(str(job))
        proofs: tuple[ProofOf, ...] = ("pass", "code")
        return next((proof for proof in proofs if self._was_checked(found, proof)), None)

    def _was_checked(self, job: UUID, proof: str) -> bool:
        at = self._checked.get((job, proof))
        return at is not None and self._clock.now() - at <= CHECKED_FOR

    # ------------------------------------------------------------ hand off

    def hand_off(
        self,
        job: JobId,
        *,
        proof: ProofOf,
        lines: tuple[tuple[int, int], ...] | None = None,
        refused_units: tuple[tuple[int, int, str], ...] = (),
        collector: str | None = None,
        proxy: bool = False,
        age_checked: bool = False,
        lead: str | None = None,
        signature: Signature | None = None,
        photo: bytes | None = None,
    ) -> Result:
        """The customer has it. `lines` are (line, units), None for everything that is held and not refused;
        `refused_units` are (line, units, reason). `photo` is a picture; it is on the disk before the command is."""
        found = self._view.job(UUID(str(job)))
        if found is None:
            return refused("unknown_job")
        if problem := self._may_not(found, proof, collector, proxy, age_checked, lead):
            return refused(problem, found)
        lacks = self.proof_lacking(found, signed=signature is not None, photo=photo is not None)
        if lacks != "none" and not self._session.lead_allows(lead):
            return refused("proof_lacking", found)
        try:
            kept = self._photos.keep(photo) if photo else None
        except NoPhoto:
            return refused("no_photo", found)

        def command(id_: UUID, now: Fulfilment) -> f.HandOff:
            return f.HandOff.model_validate(
                {
                    "fulfilment": id_,
                    "lines": _given(now, lines, refused_units),
                    "refused": [{"line": n, "quantity": q, "reason": r} for n, q, r in refused_units],
                    "proof": proof,
                    "collector": collector,
                    "proxy": proxy,
                    "age_checked": age_checked,
                    "lead": lead,
                    "signature": signature,
                    "photo": kept,
                }
            )

        result = self._do(job, command, "handed_off")
        if kept and result.n is None:
            self._photos.let_go(kept)
        return result

    def proof_lacking(self, job: Fulfilment, *, signed: bool, photo: bool) -> ProofPolicy:
        """What the store asks for at the hand-off of this job, and is not there yet; `none`: it may go. A lead may let
        it go without."""
        return lacking(asked_for(self._lookup.node.policy.get("proof"), job.method), signed=signed, photo=photo)

    def _may_not(
        self, job: Fulfilment, proof: str, collector: str | None, proxy: bool, age_checked: bool, lead: str | None
    ) -> str | None:
        """What is missing before the bag may go, as a notice code."""
        if job.state is State.HANDED_OFF:
            return "already_handed_off"
        if proof in ("pass", "code") and not self._was_checked(job.id, proof):
            return "check_the_pass_first"
        if proof == "lead_override" and not self._session.lead_allows(lead):
            return "ask_a_lead"
        if job.age_check and not age_checked:
            return "check_the_age"
        named = {person.name.casefold().strip() for person in job.proxies}
        if proxy and not self._session.lead_allows(lead) and (collector or "").casefold().strip() not in named:
            return "proxy_not_named"
        return None

    # ------------------------------------------------------------ curbside

    def arrive(self, job: JobId, *, vehicle: str | None = None, bay: str | None = None) -> Result:
        """The customer is here."""
        return self._do(job, lambda id_, _: f.Arrive(fulfilment=id_, vehicle=vehicle, bay=bay), "arrived")

    def leave(self, job: JobId) -> Result:
        """Not (or no longer) there: the timer pauses."""
        return self._do(job, lambda id_, _: f.Leave(fulfilment=id_), "left")


def _given(
    job: Fulfilment, lines: tuple[tuple[int, int], ...] | None, refused_units: tuple[tuple[int, int, str], ...]
) -> list[dict[str, int]]:
    """Units named line by line, so that the record says what this person really gave."""
    back = dict.fromkeys((n for n, _, _ in refused_units), 0)
    for number, units, _ in refused_units:
        back[number] += units
    parts = lines if lines is not None else [(x.line, x.held - back.get(x.line, 0)) for x in job.lines]
    return [{"line": number, "quantity": units} for number, units in parts if units > 0]
