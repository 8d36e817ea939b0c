"""The console: messages to actors by hand, over a WebSocket, each of them on record."""
