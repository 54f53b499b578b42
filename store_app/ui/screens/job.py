"""One job: whose it is, what it holds, why it is here, and the next thing to do."""

import flet as ft

from store_app.ui.component import component
from store_app.ui.components.frame import frame
from store_app.ui.screens._parts.job_view import use_job_view
from store_app.ui.texts import t


@component
def job_screen() -> ft.Control:
    """The job named in the route."""
    view = use_job_view(ft.use_route_params()["job"])
    if view is None:
        return frame(t("job.title"), [], back="/")
    return frame(view.title, view.parts, back="/", action=view.action)
