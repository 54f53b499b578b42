"""Which node fulfils which line, and why.

`plan.plan` is pure: demands, one snapshot of nodes and stock, and a routing plan go in; decisions with their reasons
come out, the same bytes for the same input on every machine. The service loads, asks, reserves and writes.
"""
