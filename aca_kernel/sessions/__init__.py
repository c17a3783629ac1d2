"""Which session a kernel has, how it is kept, and how it is released."""
