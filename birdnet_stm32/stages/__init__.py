"""One module a stage: read files, call pure code, write files."""
