"""Objects for measurements: about half of them are tracked by the collector."""

#: The objects that `populate` makes in each turn.
OF_EACH = 7


class Node:
    """An instance with its attributes in a dictionary or inline."""


def populate(objects):
    """A list that holds about so many objects: lists, dictionaries and instances, strings and integers."""
    kept = []
    for number in range(objects // OF_EACH):
        node = Node()
        node.value, node.rest = ["%d" % number], {"next": 10**6 + number}
        kept.append((node, "%d more" % number))
    return kept
