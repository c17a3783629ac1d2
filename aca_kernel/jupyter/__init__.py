"""The kernel as Jupyter sees it: requests in, replies and outputs out."""
