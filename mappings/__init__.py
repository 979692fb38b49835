"""What each vendor is sent. Pure: standard library only."""
