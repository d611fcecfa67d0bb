"""Soundscapes whose calls are known: recordings mixed into backgrounds at drawn signal-to-noise ratios."""
