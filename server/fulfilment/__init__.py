"""Jobs of nodes: offered, picked, packed, handed over. What a command does is decided in `shared.fulfilment.apply`."""
