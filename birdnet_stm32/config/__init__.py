"""Variant files: their tables and keys, how they are read, and how a mistake in one is explained."""
