"""Decode every recording once into shards on disk, and read windows from them."""
