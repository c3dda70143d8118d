"""Memory estimates, chunk sizes, the C library's allocator."""
