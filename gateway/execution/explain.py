"""What a plan will do, in words: for reviewing an operation before it is trusted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    IntValueNode,
    SelectionSetNode,
    VariableNode,
    default_field_resolver,
    get_named_type,
    is_abstract_type,
    is_object_type,
    print_ast,
    value_from_ast_untyped,
)
from graphql.execution.collect_fields import does_fragment_condition_match

from gateway.execution.kinds import Attribute, Kind, Resolver, Typename, kind_of, strawberry_field_of
from gateway.execution.plan import Plan
from resolvers.batch import Batch, Hole, Pure

_MAX_PLACES = 5_000


@dataclass(frozen=True, slots=True)
class Place:
    """A field somewhere in the operation. `wave` counts the questions that must be answered before it."""

    path: str
    parent: str
    name: str
    kind: Kind
    source: str | None
    wave: int
    arguments: str
    below: tuple["Place", ...]
    cost: int

    @property
    def is_pure(self) -> bool:
        """Whether all that is written below depends on the value alone."""
        return isinstance(self.kind, Attribute | Pure | Typename) and all(place.is_pure for place in self.below)


@dataclass(slots=True)
class _Survey:
    plan: Plan
    seen: int = 0
    is_cut: bool = False
    fragments_open: list[str] = field(default_factory=list)
    defaults: Mapping[str, int] = field(default_factory=dict)

    def places(
        self, type_: GraphQLObjectType, selections: list[SelectionSetNode], path: str, wave: int
    ) -> tuple[Place, ...]:
        grouped: dict[str, list[FieldNode]] = {}
        for selection_set in selections:
            for node in self._fields(type_, selection_set):
                grouped.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        found = (self._place(type_, nodes, f"{path}.{key}" if path else key, wave) for key, nodes in grouped.items())
        return tuple(place for place in found if place is not None)

    def _fields(self, type_: GraphQLObjectType, selections: SelectionSetNode) -> Iterator[FieldNode]:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                yield node
                continue
            name = node.name.value if isinstance(node, FragmentSpreadNode) else ""
            fragment: Any = self.plan.fragment_definitions.get(name) if name else node
            if fragment is None or name in self.fragments_open:
                continue
            if does_fragment_condition_match(self.plan.schema, fragment, type_):
                self.fragments_open.append(name)
                yield from self._fields(type_, fragment.selection_set)
                self.fragments_open.pop()

    def _place(self, type_: GraphQLObjectType, nodes: list[FieldNode], path: str, wave: int) -> Place | None:
        name = nodes[0].name.value
        definition = self.plan.schema.get_field(type_, name)
        self.seen += 1
        if definition is None or self.seen > _MAX_PLACES:
            self.is_cut = self.is_cut or definition is not None
            return None
        kind = kind_of(definition, name, default_field_resolver)
        wave += isinstance(kind, Batch | Resolver)
        below = self._below(definition, [n.selection_set for n in nodes if n.selection_set], path, wave)
        return Place(
            path,
            type_.name,
            name,
            kind,
            _source(definition),
            wave,
            ", ".join(print_ast(argument) for argument in nodes[0].arguments or ()),
            below,
            _cost(definition, nodes[0], below, self.defaults),
        )

    def _below(
        self, definition: GraphQLField, selections: list[SelectionSetNode], path: str, wave: int
    ) -> tuple[Place, ...]:
        named = get_named_type(definition.type)
        if is_object_type(named):
            return self.places(named, selections, path, wave)
        if not is_abstract_type(named):
            return ()
        possible = self.plan.schema.get_possible_types(named)
        return tuple(place for type_ in possible for place in self.places(type_, selections, path, wave))


def explain(plan: Plan) -> str:
    """Describe a plan: what is asked in which wave and of whom, what is written ready, what it costs.

    The cost is that of the directives `@cost` and `@listSize` of the schema: a weight per field
    (by default 1 for an object and 0 for a leaf), times the sizes of the lists above it.
    """
    operation = plan.operation
    survey = _Survey(plan, defaults=_integer_defaults(plan))
    root = plan.schema.get_root_type(operation.operation)
    top = survey.places(root, [operation.selection_set], "", 0) if root else ()
    name = operation.name.value if operation.name else "(anonymous)"
    everything = list(_all(top))
    lines = [f"{operation.operation.value} {name}", *_waves(everything), *_pure(top), *_holes(everything)]
    lines += _increments(plan)
    lines.append(f"static cost: {sum(place.cost for place in top)}")
    if survey.is_cut:
        lines.append(f"(only the first {_MAX_PLACES} places are described)")
    return "\n".join(lines) + "\n"


def _all(places: tuple[Place, ...]) -> Iterator[Place]:
    for place in places:
        yield place
        yield from _all(place.below)


def _waves(places: list[Place]) -> list[str]:
    asked: dict[tuple[int, str, str], list[Place]] = {}
    for place in places:
        if isinstance(place.kind, Batch | Resolver):
            call = f"{place.parent}.{place.name}" + (f"({place.arguments})" if place.arguments else "")
            kind = "batch" if isinstance(place.kind, Batch) else "resolver, one by one"
            asked.setdefault((place.wave, call, kind), []).append(place)
    lines = []
    for wave in sorted({wave for wave, _, _ in asked}):
        lines.append(f"wave {wave}")
        for (number, call, kind), where in asked.items():
            if number == wave:
                lines.append("  " + _call(call, kind, where))
    return lines


def _call(call: str, kind: str, where: list[Place]) -> str:
    source = f" of {where[0].source}" if where[0].source else ""
    needs = getattr(where[0].kind, "needs", None)
    early = f", as soon as {', '.join(sorted(needs))} is known" if needs else ""
    paths = where[0].path if len(where) == 1 else f"{where[0].path} and {len(where) - 1} more"
    return f"{call}: {kind}{source}{early} at {paths}"


def _pure(places: tuple[Place, ...]) -> list[str]:
    found = [place.path for place in _topmost_pure(places)]
    return [f"pure subtrees: {', '.join(dict.fromkeys(found))}"] if found else []


def _topmost_pure(places: tuple[Place, ...]) -> Iterator[Place]:
    for place in places:
        if place.is_pure and place.below:
            yield place
        else:
            yield from _topmost_pure(place.below)


def _holes(places: list[Place]) -> list[str]:
    found = [place.path for place in places if isinstance(place.kind, Hole)]
    return [f"holes: {', '.join(dict.fromkeys(found))}"] if found else []


def _increments(plan: Plan) -> list[str]:
    text = print_ast(plan.document)
    return ["parts may come later (@defer, @stream)"] if "@defer" in text or "@stream" in text else []


def _declared(definition: GraphQLField, name: str) -> Mapping[str, Any] | None:
    """The arguments of a directive on a field, whether the schema came from text or from Strawberry."""
    for node in definition.ast_node.directives or () if definition.ast_node else ():
        if node.name.value == name:
            return {a.name.value: value_from_ast_untyped(a.value) for a in node.arguments or ()}
    declared = strawberry_field_of(definition)
    for directive in declared.directives if declared else ():
        if type(directive).__name__.lower() == name.lower():
            return vars(directive) if hasattr(directive, "__dict__") else {}
    return None


def _source(definition: GraphQLField) -> str | None:
    seam = _declared(definition, "seam")
    source = seam.get("source") if seam else None
    return None if source is None else str(getattr(source, "value", source))


def _cost(definition: GraphQLField, node: FieldNode, below: tuple[Place, ...], defaults: Mapping[str, int]) -> int:
    weight = _declared(definition, "cost")
    own = int(weight["weight"]) if weight else int(bool(below))
    declared = _declared(definition, "listSize") or {}
    size = _size(declared, node, defaults)
    sized = [str(name) for name in declared.get("sized_fields") or declared.get("sizedFields") or ()]
    return own + sum(place.cost * (size if not sized or place.name in sized else 1) for place in below)


def _size(declared: Mapping[str, Any], node: FieldNode, defaults: Mapping[str, int]) -> int:
    """How long a list may be: what its slicing argument says, else what is assumed, else 1."""
    slicing = {str(name) for name in declared.get("slicing_arguments") or declared.get("slicingArguments") or ()}
    sizes = [
        defaults.get(argument.value.name.value)
        if isinstance(argument.value, VariableNode)
        else int(getattr(argument.value, "value", 0))
        for argument in node.arguments or ()
        if argument.name.value in slicing
    ]
    known = [size for size in sizes if size is not None]
    assumed = declared.get("assumed_size") or declared.get("assumedSize")
    return max(known) if known else int(assumed or 1)


def _integer_defaults(plan: Plan) -> dict[str, int]:
    return {
        definition.variable.name.value: int(definition.default_value.value)
        for definition in plan.operation.variable_definitions or ()
        if isinstance(definition.default_value, IntValueNode)
    }
