"""When a whole lane stops sending, and how it finds out that it may go on."""
