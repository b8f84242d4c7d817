"""What both doors know of HTTP: bodies, tokens in headers, headers of every answer, pages."""
