"""The HTTP v1 API: decode, ask an actor, encode."""

from ordo.http.app import create_app as create_app
