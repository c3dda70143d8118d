"""What a game is: catalog of cartridges, boot script, maps, milestones, goals, interventions."""
