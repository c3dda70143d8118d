"""Parts of an observation: one class for each, with its shape, highest values and meaning.

Everything is uint8. The policy's encoders scale each value by its own maximum, apart from ids, which they
embed, "events" (320 bytes of flags, which they unpack) and "recent_actions" (codes 0 to 7).
"""
