"""Code that several commands use: options, model files, labelled folders, outputs."""
