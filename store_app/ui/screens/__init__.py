"""The screens, one file each, and the list that names them: a new screen is one file and one line here."""

from store_app.ui.screens.adjust import adjust_screen
from store_app.ui.screens.count import count_screen, count_start_screen
from store_app.ui.screens.curbside import curbside_screen
from store_app.ui.screens.desk import desk_screen
from store_app.ui.screens.desk_person import desk_person_screen, new_person_screen
from store_app.ui.screens.find_bag import find_bag_screen
from store_app.ui.screens.hand_off import hand_off_screen
from store_app.ui.screens.item import item_screen
from store_app.ui.screens.job import job_screen
from store_app.ui.screens.more import more_screen
from store_app.ui.screens.needs_you import needs_you_screen
from store_app.ui.screens.order import order_screen
from store_app.ui.screens.orders import orders_screen
from store_app.ui.screens.pack import pack_screen
from store_app.ui.screens.pick import pick_screen
from store_app.ui.screens.queue import queue_screen
from store_app.ui.screens.receive import receive_screen
from store_app.ui.screens.screen import Screen
from store_app.ui.screens.settle import settle_screen
from store_app.ui.screens.ship import ship_screen
from store_app.ui.screens.sign_in import switch_screen
from store_app.ui.screens.stock import stock_screen
from store_app.ui.screens.today import today
from store_app.ui.screens.work import work_screen

__all__ = ["SCREENS", "Screen"]

SCREENS: tuple[Screen, ...] = (
    Screen("", today),
    Screen("sign-in", switch_screen),
    Screen("work/:tab", work_screen),
    Screen("work/:tab/:job", work_screen),
    Screen("job/:job", job_screen),
    Screen("pick/:job", pick_screen),
    Screen("pack/:job", pack_screen),
    Screen("ship", ship_screen),
    Screen("hand-off", find_bag_screen),
    Screen("hand-off/:job", hand_off_screen),
    Screen("curbside", curbside_screen),
    Screen("stock", stock_screen),
    Screen("stock/:sku", item_screen),
    Screen("stock/:sku/adjust", adjust_screen),
    Screen("stock/:sku/count", count_screen),
    Screen("count", count_start_screen),
    Screen("receive", receive_screen),
    Screen("orders", orders_screen),
    Screen("orders/:order", order_screen),
    Screen("more", more_screen),
    Screen("needs-you", needs_you_screen),
    Screen("needs-you/:exception", settle_screen),
    Screen("queue", queue_screen),
    Screen("desk", desk_screen),
    Screen("desk/new", new_person_screen),
    Screen("desk/:person", desk_person_screen),
)
