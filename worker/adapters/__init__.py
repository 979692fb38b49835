"""One module an outside thing; nothing else imports its library."""
