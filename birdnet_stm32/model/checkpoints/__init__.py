"""Read and write .keras files as data: nothing in a checkpoint is executed."""
