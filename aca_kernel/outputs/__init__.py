"""What a session may show here. Pure: values in, values out."""
