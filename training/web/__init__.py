"""The history page: FastAPI serves it, Jinja2 writes it, uPlot (in ``static``) draws its curves."""
