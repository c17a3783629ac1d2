"""``%load_ext aca_kernel``: a session beside a notebook that runs in a local Python."""
