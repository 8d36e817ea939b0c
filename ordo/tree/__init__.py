"""The tree: which actors there are, in which order, and who starts each again."""

from ordo.tree.root import tree_of

__all__ = ["tree_of"]
