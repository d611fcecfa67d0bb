"""The pipeline as doit tasks: their order, their locks, and what the terminal shows."""
