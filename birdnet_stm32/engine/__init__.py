"""Run a stage only when it is stale, and publish what it made as a whole."""
