"""Decode recordings: channels mixed to mono, levels measured, rates converted."""
