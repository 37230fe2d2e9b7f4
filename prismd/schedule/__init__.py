"""When files are read, and what holds reading back."""
