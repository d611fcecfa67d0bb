"""Divide recordings into training and validation, so that no recording is on both sides."""
