"""What several commands share: options, model files, labelled folders, outputs."""
