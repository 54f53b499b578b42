"""What people are told of a device whose data was damaged: what was done about it, and what to do now."""

from store_app.engine.local_store import Mended
from store_app.ui.texts import t


def mended_words(mended: Mended) -> list[str]:
    """One sentence after the other."""
    if mended.rescued is None:
        return [t("mended.waiting")]
    said = [t("mended.loaded", file=mended.file)]
    said += [t("mended.rescued", count=mended.rescued)] if mended.rescued else []
    said += [t("mended.left", count=mended.left)] if mended.left else []
    return said
