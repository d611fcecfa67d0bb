"""List recordings with their classes, measures and splits; say what is wrong with them."""
