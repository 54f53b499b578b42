"""Orders: what customers bought, where each unit is, and the money."""
