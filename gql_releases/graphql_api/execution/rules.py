"""Validation rules in addition to graphql-core's."""

from __future__ import annotations

from typing import Any

from graphql import (
    SKIP,
    ArgumentNode,
    GraphQLError,
    GraphQLInputType,
    OperationDefinitionNode,
    ValueNode,
    ValuesOfCorrectTypeRule,
    VariableDefinitionNode,
    VariableNode,
    VisitorAction,
    get_named_type,
    is_input_object_type,
    is_nullable_type,
    specified_rules,
    type_from_ast,
)
from graphql.language import ObjectFieldNode
from graphql.utilities import validate_input_literal
from graphql.validation import ValidationContext, ValidationRule

from gql_releases.graphql_api.execution.scalars import ScalarError


class OneOfVariablesRule(ValidationRule):
    """A variable at a field of a OneOf input object is non-null, also if the object itself is at a non-null position.

    graphql-core 3.3 has the rule in VariablesInAllowedPositionRule, but only for objects at nullable positions.
    Source: GraphQL specification, section 5.8.5 (All Variable Usages Are Allowed).
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._one_of: dict[int, str] = {}
        self._operations: list[OperationDefinitionNode] = []

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> None:
        """Collect a variable at a field of a OneOf input object."""
        parent = self.context.get_parent_input_type()
        named = get_named_type(parent) if parent else None
        if is_input_object_type(parent) or not (is_input_object_type(named) and named.is_one_of):
            return
        if isinstance(node.value, VariableNode):
            self._one_of[id(node.value)] = named.name

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        """Collect the operation: fragments may follow it."""
        self._operations.append(node)

    def leave_document(self, *_: Any) -> None:
        """Report each nullable variable at such a field."""
        if not self._one_of:
            return
        for operation in self._operations:
            definitions = {variable.variable.name.value: variable for variable in operation.variable_definitions or ()}
            for usage in self.context.get_recursive_variable_usages(operation):
                parent, definition = self._one_of.get(id(usage.node)), definitions.get(usage.node.name.value)
                if parent is None or definition is None:
                    continue
                declared = type_from_ast(self.context.schema, definition.type)
                if declared and is_nullable_type(declared):
                    message = (
                        f"Variable '${usage.node.name.value}' is of type '{declared}'"
                        f" but must be non-nullable to be used for OneOf Input Object '{parent}'."
                    )
                    self.report_error(GraphQLError(message, [definition, usage.node]))


class LiteralsRule(ValuesOfCorrectTypeRule):
    """graphql-core's rule; an invalid value of a custom scalar is reported with its argument or input field."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._place = ""

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        """Store the name of the argument."""
        self._place = f"Argument {node.name.value}"

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        """Store the name of the variable."""
        self._place = f"The default of ${node.variable.name.value}"

    def is_valid_value_node(self, node: ValueNode, input_type: GraphQLInputType | None) -> VisitorAction:
        """Check a literal together with the literals in it."""

        def report(error: GraphQLError, path: list[str | int]) -> None:
            if isinstance(error, ScalarError):
                steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
                error = GraphQLError(f"{self._place}{steps}: {error.message}", error.nodes or node)
            self.report_error(error)

        if input_type:
            validate_input_literal(node, input_type, report, hide_suggestions=self.context.hide_suggestions)
        return SKIP


RULES = (*(LiteralsRule if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules), OneOfVariablesRule)
