"""Train a network: balanced and augmented windows, and the training loop."""
