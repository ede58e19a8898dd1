"""What is asked about: keys and request values by name, alone and several at once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hindcast.serving import answers, inputs, requests
from hindcast.serving.plan import PlanInput, QuestionPlan
from hindcast.serving.requests import Key, Question, RequestError


@dataclass(frozen=True)
class BatchItem:
    """One question of a batch: where it is, its keys as they came, and what came of reading it."""

    field: str
    named: Mapping[str, Any]
    question: Question | RequestError


def read(document: Mapping[str, Any], plan: QuestionPlan, where: str = "") -> Question:
    """The keys and request values of a document, by the names of their columns.

    where: what stands before a name in errors, such as "instances[0].". Raises RequestError 422
    naming the first field that is unknown, missing or ill-typed.
    """
    requests.require_known(document, plan.inputs, where)
    return Question(
        tuple(
            inputs.key(_given(document, each, where), each, where + each.name) for each in plan.keys
        ),
        tuple(
            inputs.value(_given(document, each, where), each, where + each.name)
            for each in plan.request
        ),
    )


def several(document: Mapping[str, Any], plan: QuestionPlan) -> list[BatchItem]:
    """The questions of a batch: instances, objects of keys and values, or ids of an only key.

    Raises RequestError 422 where there is not one of the two, 413 where there are too many.
    """
    if "instances" not in document:
        key = _only_input(plan)
        ids = requests.items(document, "ids")
        return [_of_id(raw, key, f"ids[{place}]") for place, raw in enumerate(ids)]
    if "ids" in document:
        raise RequestError(422, "ids", "cannot be sent together with instances")
    instances = requests.items(document, "instances")
    return [_of_instance(raw, plan, f"instances[{place}]") for place, raw in enumerate(instances)]


def of_texts(texts: Mapping[str, str], plan: QuestionPlan) -> Question:
    """The question of values that came as text, from a command or a query; raises as read does."""
    kinds = {each.name: each.kind for each in (*plan.keys, *plan.request)}
    return read({name: inputs.of_text(text, kinds.get(name)) for name, text in texts.items()}, plan)


def of_words(words: list[str], plan: QuestionPlan) -> Question:
    """The question of NAME=VALUE words, or of the only key's value alone; raises as read does."""
    if len(words) == 1 and len(plan.inputs) == 1 and not words[0].startswith(f"{plan.inputs[0]}="):
        return of_texts({plan.inputs[0]: words[0]}, plan)
    for word in words:
        if "=" not in word:
            expected = " ".join(f"{name}=..." for name in plan.inputs)
            raise RequestError(422, word, f"is not NAME=VALUE; write {expected}")
    return of_texts(dict(word.split("=", 1) for word in words), plan)


def of_log(key: str, request: str | None, plan: QuestionPlan) -> Question:
    """The question of a logged answer: its id, and its request values as JSON."""
    keys = {plan.keys[0].name: key} if len(plan.keys) == 1 else json.loads(key)
    return read({**keys, **json.loads(request or "{}")}, plan)


def keys_of(question: Question, plan: QuestionPlan) -> dict[str, Key | None]:
    """The keys of a question by name."""
    return dict(zip((key.name for key in plan.keys), question.keys, strict=True))


def request_of(question: Question, plan: QuestionPlan) -> dict[str, Any]:
    """The request values of a question by name."""
    return dict(zip((each.name for each in plan.request), question.given, strict=True))


def echo(document: Mapping[str, Any], plan: QuestionPlan) -> dict[str, Any]:
    """The keys of a document as the caller wrote them."""
    return {key.name: answers.echo(document.get(key.name)) for key in plan.keys}


def _given(document: Mapping[str, Any], wanted: PlanInput, where: str) -> Any:
    if wanted.name not in document:
        choice = "" if wanted.required else " or null"
        raise RequestError(422, where + wanted.name, f"is missing; send a {wanted.kind}{choice}")
    return document[wanted.name]


def _only_input(plan: QuestionPlan) -> PlanInput:
    if len(plan.inputs) != 1 or not plan.keys:
        names = ", ".join(plan.inputs)
        raise RequestError(422, "instances", f"is missing; send a list of objects with {names}")
    return plan.keys[0]


def _of_id(raw: Any, key: PlanInput, field: str) -> BatchItem:
    named = {key.name: answers.echo(raw)}
    try:
        return BatchItem(field, named, Question((inputs.key(raw, key, field),)))
    except RequestError as error:
        return BatchItem(field, named, error)


def _of_instance(raw: Any, plan: QuestionPlan, field: str) -> BatchItem:
    if not isinstance(raw, dict):
        error = RequestError(422, field, f"must be an object with {', '.join(plan.inputs)}")
        return BatchItem(field, {}, error)
    try:
        return BatchItem(field, echo(raw, plan), read(raw, plan, f"{field}."))
    except RequestError as error:
        return BatchItem(field, echo(raw, plan), error)
