"""TensorBoard event files, read and written, and other trackers."""
