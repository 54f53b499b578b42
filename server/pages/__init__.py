"""Small pages for customers, without an account: the secret in the address is the key."""
