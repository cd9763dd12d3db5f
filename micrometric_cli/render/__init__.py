"""From data to text or rich renderables. Nothing in here reads files or prints."""
