"""The screens, one file each, and the list that names them: a new screen is one file and one line here."""

from store_app.ui.screens.hand_off import hand_off_screen
from store_app.ui.screens.job import job_screen
from store_app.ui.screens.more import more_screen, needs_you_screen
from store_app.ui.screens.orders import order_screen, orders_screen
from store_app.ui.screens.pack import pack_screen
from store_app.ui.screens.pick import pick_screen
from store_app.ui.screens.screen import Screen
from store_app.ui.screens.ship import ship_screen
from store_app.ui.screens.stock import item_screen, stock_screen
from store_app.ui.screens.today import today

__all__ = ["SCREENS", "Screen"]

SCREENS: tuple[Screen, ...] = (
    Screen("", today),
    Screen("job/:job", job_screen),
    Screen("pick/:job", pick_screen),
    Screen("pack/:job", pack_screen),
    Screen("ship", ship_screen),
    Screen("hand-off/:job", hand_off_screen),
    Screen("stock", stock_screen),
    Screen("stock/:sku", item_screen),
    Screen("orders", orders_screen),
    Screen("orders/:order", order_screen),
    Screen("more", more_screen),
    Screen("needs-you", needs_you_screen),
)
