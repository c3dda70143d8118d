"""Maps, videos and the reward overlay."""
