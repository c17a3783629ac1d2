"""Remote sessions seen as interpreters."""
