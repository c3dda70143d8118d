"""Boards: methods trained with several seeds on one budget, evaluated alike and compared on a page."""
