"""The device protocol: commands come up exactly once, a gap-free feed goes down and settles them."""
