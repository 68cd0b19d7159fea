"""The live channel: a page's script asks for the payloads that have changed while a run trains."""
