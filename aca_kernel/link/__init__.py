"""The link: a reliable exchange of Jupyter messages, carried by execute calls."""
