"""Read the headers of audio files, and correct what they say wrongly about the bytes that follow."""
