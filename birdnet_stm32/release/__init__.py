"""The bundle and the report."""
