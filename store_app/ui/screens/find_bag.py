"""Find the bag of whoever stands at the counter: pass, code, name, order number or the last digits of the phone."""

import asyncio

import flet as ft

from shared.barcodes import split_short_code
from shared.fulfilment import Fulfilment
from shared.methods import METHODS
from store_app.ui.component import component
from store_app.ui.components.empty_state import empty_state
from store_app.ui.components.field import search_field
from store_app.ui.components.frame import frame
from store_app.ui.components.section import section
from store_app.ui.hooks import go, use_app, use_feedback, use_now, use_query
from store_app.ui.notices import engine, tell
from store_app.ui.screens.faces import job_cards
from store_app.ui.texts import t


@component
def find_bag_screen() -> ft.Control:
    """Everything that waits for a customer, narrowed down while one types; a scan of the pass needs no typing."""
    app, feedback = use_app(), use_feedback()
    use_now(30)
    words, search = ft.use_state("")
    found = use_query(lambda: _bags(words))

    def submit(typed: str) -> None:
        if split_short_code(typed) is None:
            if len(found) == 1:
                go(f"/hand-off/{found[0].id}")
            return

        async def check() -> None:
            result = await asyncio.to_thread(engine().work.check_code, typed)
            tell(feedback, result)
            if result.job is not None:
                go(f"/hand-off/{result.job.id}")

        app.page.run_task(check)

    header = search_field(t("find.search"), words, search, submit)
    if not found:
        title = t("find.nothing" if words.strip() else "find.none_ready")
        empty = empty_state(title, t("find.detail"), ft.Icons.QR_CODE_SCANNER_ROUNDED)
        return frame(t("find.title"), [empty], back="/", header=header)
    title = t("find.found" if words.strip() else "find.ready")
    return frame(
        t("find.title"), [section(title, job_cards(engine(), found[:40]), count=len(found))], back="/", header=header
    )


def _bags(words: str) -> list[Fulfilment]:
    """Jobs with a bag for somebody who comes; a short code finds by its first part."""
    if not words.strip():
        jobs = engine().work.jobs("ready")
    else:
        jobs = engine().lookup.search_jobs(words)
    return [job for job in jobs if METHODS[job.method].has_pass]
