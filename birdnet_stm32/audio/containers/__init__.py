"""What the headers of recordings say, what their bytes say, and where the two differ."""
