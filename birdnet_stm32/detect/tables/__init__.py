"""Write events as tables that other programs open: one module for each format.

Read :mod:`~birdnet_stm32.detect.tables.event_rows` first: it makes the values that all formats share.
"""
