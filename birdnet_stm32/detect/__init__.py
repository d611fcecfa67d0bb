"""Turn the scores of windows into events: which species called, from when to when, and how sure that is.

This is the one definition of decisions. ``firmware_templates/runtime/birdnet_events.c`` is held to it.
"""
