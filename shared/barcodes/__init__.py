"""Everything a scanner can say, told apart in one place.

A scan arrives as text, from a camera or from a scanner that types. `read` decides what it is: an item by its GTIN, a
GS1 element string or Digital Link, one of our own labels, a code a customer reads out, or unknown. It never raises: an
unknown code carries a sentence and its text, so that a look-up can still try it as an alternate code. What a code says
is data: no address in it is ever opened, but that of the server in an enrolment code, by a device that has none yet.

Files: `errors` (BadCode), `gtin` (check digits, in-store and weighed labels), `gs1` (element strings, Digital Link),
`labels` (our own prefix), `enrolment` (the label with an address in it), `typed` (codes people type), `reading`
(`read` itself).
"""

from shared.barcodes.enrolment import enrolment_label, split_enrolment
from shared.barcodes.errors import BadCode
from shared.barcodes.gtin import check_digit, gtin14, in_store, weighed_label
from shared.barcodes.labels import LABEL_KINDS, label, parse_label
from shared.barcodes.reading import read
from shared.barcodes.scanned import ScanKind, Scanned
from shared.barcodes.typed import order_number, order_number_of, split_short_code

__all__ = [
    "LABEL_KINDS",
    "BadCode",
    "ScanKind",
    "Scanned",
    "check_digit",
    "enrolment_label",
    "gtin14",
    "in_store",
    "label",
    "order_number",
    "order_number_of",
    "parse_label",
    "read",
    "split_enrolment",
    "split_short_code",
    "weighed_label",
]
