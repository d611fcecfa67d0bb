"""Firmware projects: rendered, built, emulated, packed."""
