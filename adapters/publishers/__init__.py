"""Where events are told: web hooks, a message bus."""
