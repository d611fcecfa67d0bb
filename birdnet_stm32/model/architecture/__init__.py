"""Build the networks: layers, blocks, the DS-CNN, and the learned filter bank of the front end raw."""
