"""Divide recordings into training, validation and test, so that no recording is in two of them."""
