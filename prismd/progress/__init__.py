"""What is being done, how long it will take, what stands in its way."""
