"""Recordings on disk to windows in memory."""
