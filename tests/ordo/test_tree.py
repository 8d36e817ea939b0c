"""The tree that is made is the one that the documents draw."""

from pathlib import Path

from ordo.tree import tree_of
from tests.support.gateway import make_paper, make_system

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"


async def start(*, task_status):
    raise AssertionError("nothing is run here")


def drawn():
    """The children of the root, as the page has them."""
    _, _, rest = PAGE.read_text("utf-8").partition("root (rest_for_one):")
    drawing, _, _ = rest.partition("```")
    return [child.split()[0] for child in drawing.split("->")]


def names(tree):
    return [child.name for child in tree._specs]


async def test_the_root_has_the_children_of_the_architecture_in_its_order():
    system = make_system({"one": make_paper()})
    assert names(tree_of(system, start, lambda: None, start)) == drawn()


async def test_what_is_not_there_is_left_out_and_the_order_stays():
    system = make_system({"one": make_paper()})
    without = [name for name in drawn() if name not in ("doors", "http")]
    assert names(tree_of(system, None, lambda: None)) == without
