"""One module for each stage: it reads files, calls pure code and writes files."""
