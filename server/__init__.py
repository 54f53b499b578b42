"""Baton's central server: inventory, orders, routing, fulfilment, sync, customer care and integrations."""
