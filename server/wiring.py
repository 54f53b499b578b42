"""The one table: which fact is answered by whom, and when. Read it top to bottom to know what Baton does.

Rows of one event run in this order, and so do all that come last. `When` says whether the answer belongs to the
transaction of the fact, to its very end (hot rows), or to a job after the commit.
"""

from __future__ import annotations

from server import events as e
from server.fulfilment import passes, recounts
from server.fulfilment import service as fulfilment
from server.inventory import counts, doubt, shelf, streams
from server.inventory import service as inventory
from server.kit.answers import Answer, Answers, When
from server.messages import answers as messages
from server.orders import payments, promises
from server.orders import service as orders
from server.routing import days, waits
from server.routing import service as routing
from server.sync import service as sync

SAME, LAST, AFTER = When.SAME_TRANSACTION, When.LAST, When.AFTER_COMMIT

ROWS: tuple[Answer, ...] = (
    # An order waits for a node
    Answer(e.OrderReleased, routing.on_orders_released, SAME),
    # A node has a job, works on it, and units leave it
    Answer(e.JobOffered, orders.on_jobs_offered, SAME),
    Answer(e.JobOffered, promises.on_jobs_offered, SAME),
    Answer(e.UnitsUnrouted, promises.on_units_unrouted, SAME),
    Answer(e.JobMoved, orders.on_jobs_moved, SAME),
    Answer(e.UnitsLeft, routing.on_units_left, SAME),
    Answer(e.UnitsLeft, orders.on_units_left, SAME),
    Answer(e.UnitsLeft, inventory.on_units_left, SAME),
    Answer(e.UnitsLeft, doubt.on_units_left, SAME),
    Answer(e.StockDoubted, recounts.on_stock_doubted, SAME),
    # Somebody cancels, or puts on hold; somebody bought the last one at the till
    Answer(e.CancelAsked, fulfilment.on_cancel_asked, SAME),
    Answer(e.FreezeAsked, fulfilment.on_freeze_asked, SAME),
    Answer(e.UnitsCancelled, waits.on_units_cancelled, SAME),
    Answer(e.StockShort, fulfilment.on_stock_short, SAME),
    # Somebody counts while others take units off the shelf
    Answer(e.ShelfChanged, shelf.on_shelf_changed, SAME),
    Answer(e.CountContains, counts.on_count_contains, SAME),
    Answer(e.StockCounted, recounts.on_stock_counted, SAME),
    Answer(e.CountDoubted, recounts.on_count_doubted, SAME),
    # A bag is ready
    Answer(e.JobReady, passes.make_pass, AFTER),
    # The customer hears of it
    Answer(e.OrderPlaced, messages.order_placed, AFTER),
    Answer(e.JobReady, messages.job_ready, AFTER),
    Answer(e.JobShipped, messages.job_shipped, AFTER),
    Answer(e.UnitsCancelled, messages.units_cancelled, AFTER),
    Answer(e.PromiseChanged, messages.promise_changed, AFTER),
    # Money
    Answer(e.MoneyWanted, payments.ask_gateway, AFTER),
    Answer(e.MoneyMoved, orders.on_money_moved, SAME),
    Answer(e.MoneyRefused, orders.on_money_refused, SAME),
    # A node's day has a place free again
    Answer(e.JobMoved, days.on_jobs_moved, LAST),
    # Devices hear of it
    Answer(e.JobChanged, sync.publish, LAST),
    Answer(e.StockChanged, sync.publish, LAST),
    Answer(e.StockFed, streams.tell_devices, AFTER),
    Answer(e.DeliveryChanged, sync.publish, LAST),
    Answer(e.ItemsChanged, sync.publish, LAST),
    Answer(e.NodesChanged, sync.publish, LAST),
    Answer(e.PersonChanged, sync.publish, LAST),
    Answer(e.ExceptionOpened, sync.publish, LAST),
    Answer(e.ExceptionChanged, sync.publish, LAST),
    Answer(e.ExceptionSettled, sync.publish, LAST),
    Answer(e.CommandSettled, sync.publish, LAST),
)
ANSWERS = Answers(ROWS)
