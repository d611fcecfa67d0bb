"""Bounded readers of files that somebody else wrote (bytes, text, JSON, TOML), and tables in Parquet."""
