"""The boards that a firmware can be built for: what their folders say of them."""
