"""Real processes, sockets and files."""
