"""What a scan does where no screen claims it: the obvious thing."""

from shared.scanning import Act
from store_app.engine.results import ScanResult
from store_app.ui.context import current_app
from store_app.ui.feedback import Way
from store_app.ui.hooks import go
from store_app.ui.notices import advice, engine, sentence, tell
from store_app.ui.scans import Scan
from store_app.ui.texts import t


def answer(scan: Scan) -> None:
    """An item opens its stock, a pass or code its hand-off, a label its job, a badge changes the person."""
    follow(engine().work.scan(None, scan.text, symbology=scan.symbology or None), scan)


def follow(result: ScanResult, scan: Scan) -> None:
    """Go where a scan leads, or say what is wrong with it."""
    feedback = current_app().feedback
    match result.act:
        case Act.CHECK_PASS | Act.CHECK_CODE:
            check = engine().work.check_pass if result.act is Act.CHECK_PASS else engine().work.check_code
            proved = check(scan.text)
            tell(feedback, proved)
            if proved.job is not None:
                go(f"/hand-off/{proved.job.id}")
        case Act.OPEN_JOB if result.job is not None:
            go(f"/job/{result.job.id}")
        case Act.OPEN_ORDER:
            go(f"/orders?search={result.value}")
        case Act.OPEN_STOCK if result.item is not None:
            go(f"/stock/{result.item.sku}")
        case Act.SIGN_IN:
            tell(feedback, engine().session.sign_in_badge(scan.text))
        case Act.ENROL:
            feedback.note(t("enrol.already"))
        case Act.WRONG if result.notice.code == "unknown_code":
            search = Way(t("scan.search"), lambda: go("/stock"))
            feedback.wrong(sentence(result.notice), advice(result.notice), search)
        case _:
            tell(feedback, result)
