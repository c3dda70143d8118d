"""Start archive: cells that agents reached, and the selection of those where episodes begin."""
