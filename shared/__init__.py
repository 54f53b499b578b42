"""What the server and the store app both know: words, states, arithmetic and wire models.

Everything here is pure: no I/O, no clock, no randomness. Time and random bytes arrive as arguments, so the same
function shows an associate the result of a scan at once and lets the server decide the same way later.
"""
