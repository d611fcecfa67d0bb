"""Calls that people marked in long recordings: readers of their tables, and names of species."""
