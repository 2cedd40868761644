"""How often a document asks for the same of one thing: what its validation takes grows with the square of that."""

from collections import Counter
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    visit,
)


class Repetitions(Visitor):
    """Which names are asked for of each thing, by itself and by fragments; and how many aliases there are."""

    def __init__(self, document: DocumentNode) -> None:
        super().__init__()
        self.aliases = 0
        self._of_things: list[SelectionSetNode] = []
        self.fragments: dict[str, FragmentDefinitionNode] = {}
        visit(document, self)
        self._own = {name: _named(each.selection_set) for name, each in self.fragments.items()}

    def pairs(self) -> int:
        """Return how many pairs of fields are asked for of one thing by the same name."""
        found = 0
        for each in self._of_things:
            names, spread = _named(each)
            for fragment in self._reached(spread):
                names += self._own[fragment][0]
            found += sum(count * (count - 1) // 2 for count in names.values())
        return found

    def _reached(self, spread: set[str]) -> set[str]:
        """Return the fragments that these lead to, with these themselves."""
        reached: set[str] = set()
        waiting = list(spread)
        while waiting:
            name = waiting.pop()
            if name not in reached and name in self._own:
                reached.add(name)
                waiting += self._own[name][1]
        return reached

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        """Note what is asked for as a whole."""
        self._of_things.append(node.selection_set)

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: Any) -> None:
        """Note a fragment."""
        self.fragments[node.name.value] = node

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """Note what is asked for of a thing."""
        self.aliases += node.alias is not None
        if node.selection_set is not None:
            self._of_things.append(node.selection_set)


def _named(selections: SelectionSetNode) -> tuple[Counter[str], set[str]]:
    """Return how often each name stands in a selection, and the fragments that it names."""
    names: Counter[str] = Counter()
    spread: set[str] = set()
    for each in selections.selections:
        if isinstance(each, FieldNode):
            names[(each.alias or each.name).value] += 1
        elif isinstance(each, FragmentSpreadNode):
            spread.add(each.name.value)
        else:
            inner, further = _named(each.selection_set)  # type: ignore[attr-defined]  # an inline fragment
            names += inner
            spread |= further
    return names, spread
