"""What `baton demo` says once it runs: where everything is, and what to try first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from server.demo.codes import Yours
from shared.barcodes import ScanKind, label

out = Console(highlight=False, emoji=False, soft_wrap=True)
STEPS = """[bold]What to try first[/]
  Open the store app and, beside it, what to scan. Connect with the code there and sign in. No scanner at hand? Press a
  code there, then Ctrl+V in the app.
  1. [bold]Pickup[/]: Start next, scan each item, then a place for the bag. Soon its customer is among those "here now":
     scan the pass, hand over.
  2. [bold]Curbside[/]: pick and pack the order marked so. The car says when it leaves and in which bay it stands.
  3. [bold]A parcel from the store[/]: pick, pack, write any carrier, scan its label, give it to the driver.
  4. [bold]Find[/]: scan any item for its stock, its arithmetic and the other stores. Open an order for its story and
     "Why me?". Say that an item is not there, and see where its units go.
  5. [bold]Head office[/]: on the live page orders arrive, and each says which node got it and why.
"""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is. `planner_key` opens head office's page."""

    server: str
    store_app: str
    tablets: Sequence[str]
    planner_key: str


def say(yours: Yours, at: Addresses, seconds: float) -> None:
    """Print it all."""
    lead = next((p for p in yours.staff if p.role == "lead"), yours.staff[0])
    out.print(f"\n[bold]Your store is {yours.name} ({yours.node}).[/] Ready after {seconds:.0f} s.")
    out.print(f"  Store app            {at.store_app}")
    for each in at.tablets:
        out.print(f"  Store app, tablet    {each}  (on your network; its certificate is home-made, accept it once)")
    out.print(f"  What to scan         {at.server}/demo/codes")
    out.print(f"  Head office, live    {at.server}/live#{at.planner_key}")
    out.print(f"  API and its manual   {at.server}/v1/docs")
    out.print(f"  Sign in as           {lead.name}, PIN {lead.pin}, badge {label(ScanKind.BADGE, lead.badge)}\n")
    out.print(STEPS)
    if at.tablets:
        out.print("The tablet address is open to your network; --no-network keeps everything on this machine.")
    out.print("Ctrl-C stops everything; the next start finds it again, --fresh begins anew.")
