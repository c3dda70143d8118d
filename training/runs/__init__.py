"""Run folders: names, lookup, summary, export."""
