"""The programs that people run; the rooms below hold what they do."""
