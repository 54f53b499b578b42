"""What is sold: items, and every code that means one of them."""
