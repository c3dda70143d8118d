"""Curricula: stages that train in order, and the criteria to move on."""
