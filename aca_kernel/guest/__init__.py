"""What is sent into a session, and nothing else: Python 3.8 and what every ipykernel brings."""
