"""Start a training from a network that was trained for other labels."""
