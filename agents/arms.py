"""Which judges does an audit hold against one another? The judge as it is, and with the nodes of each arm."""

from __future__ import annotations

from dataclasses import dataclass

from ..text.errors import BadInput, BadJudge
from .judge import Judge
from .nodes import CONTROLS, NODES, node_of


@dataclass(frozen=True, slots=True)
class Arm:
    """A judge with further nodes.

    Attributes:
        name: the nodes as they were named, such as `rules+reflect`.
        judge: the judge with them.
        control: the arm that asks as often and says nothing, against which this one is held too; '' for none.
        asked: whether the user named it; else it is there as another's control.
    """

    name: str
    judge: Judge
    control: str = ""
    asked: bool = True


def arms_of(judge: Judge, names: str, *, controls: bool = True) -> list[Arm]:
    """The arms that a list names: commas between arms, `+` between the nodes of one.

    Args:
        judge: the judge as it is.
        names: such as `rules,reflect,mec:5+balanced`.
        controls: whether the control of a node comes along where it has one and nobody named it.

    Raises:
        BadInput: if an arm names a node that there is not or that the judge has, or two arms are one.
    """
    named = [name.strip() for name in names.split(",") if name.strip()]
    arms = [Arm(name, _with(judge, name), _control(judge, name) if controls else "") for name in named]
    for arm in list(arms):
        if arm.control and arm.control not in [one.name for one in arms]:
            arms.append(Arm(arm.control, _with(judge, arm.control), asked=False))
    by_id: dict[str, str] = {}
    for arm in arms:
        if (other := by_id.setdefault(arm.judge.id, arm.name)) != arm.name or named.count(arm.name) > 1:
            raise BadInput(f"The arms `{other}` and `{arm.name}` are one.", way_out="name each once")
    return arms


def _control(judge: Judge, name: str) -> str:
    nodes = _nodes(name)
    if not any(node in CONTROLS for node in nodes) or set(CONTROLS.values()) & {*nodes, *judge.nodes}:
        return ""
    return "+".join(CONTROLS.get(node, node) for node in nodes)


def _nodes(name: str) -> list[str]:
    return [node.strip() for node in name.split("+")]


def _with(judge: Judge, name: str) -> Judge:
    """The judge with further nodes, asked as a judge of its own."""
    had = {node_of(node)[0] for node in judge.nodes}
    for node in _nodes(name):
        try:
            plain = node_of(node)[0]
        except ValueError as error:
            raise BadInput(f"`--mitigation {name}`: {error}.", way_out=f"some of {', '.join(NODES)}") from None
        if plain in had:
            raise BadInput(f"The judge has the node `{plain}` already.", way_out="leave it out of --mitigation")
    try:
        return Judge(**{**judge.model_dump(), "nodes": (*judge.nodes, *_nodes(name))})
    except BadJudge as error:
        raise BadInput(f"`--mitigation {name}`: {error.message}") from error
