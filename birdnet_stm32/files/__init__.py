"""Bounded readers of files that somebody else wrote: bytes, text, JSON and TOML."""
