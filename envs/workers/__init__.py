"""Worker processes that step environments over shared memory."""
