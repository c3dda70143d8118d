"""Courses: stages that train in order, and when to move on."""
