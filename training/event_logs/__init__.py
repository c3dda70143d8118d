"""TensorBoard event files: one reader, one writer; other trackers."""
