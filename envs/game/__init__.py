"""Facts of the game: known cartridges, boot script, maps, milestones, goals, interventions."""
