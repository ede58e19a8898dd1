"""The gate: what was declared against what was found, check by check."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hindcast.definitions import Gate
from hindcast.models.tasks.base import Skill
from hindcast.models.training.intervals import LEAST_ENTITIES, Interval
from hindcast.models.training.onnx_export import LARGEST_DIFFERENCE

NOT_DEFINED = "not defined: the holdout has one label only"
FEW_ENTITIES = f"the holdout has fewer than {LEAST_ENTITIES} entities, too few for an interval"
NO_LOSS = {
    True: "an interval that reaches 0 or lies above it",
    False: "an interval that reaches 0 or lies below it",
}


@dataclass(frozen=True)
class GateCheck:
    """One check; passed is None where there was nothing to judge by."""

    name: str
    passed: bool | None
    found: str
    required: str


@dataclass(frozen=True)
class Evidence:
    """What a gate judges by.

    compared_by: the metric of the comparisons, and is_rising whether more of it is better. skill:
    what a model without any does not reach. counted: the metric that counts what there is to judge
    by. metrics and slices are the task's; the intervals are of challenger minus the other,
    None where it is not defined, as with too few entities; champion is None where there is none.
    served and differing count replayed values, both 0 where nothing was logged yet.
    """

    compared_by: str
    is_rising: bool
    skill: Skill
    counted: str
    metrics: Mapping[str, Any]
    slices: Mapping[str, Mapping[str, Mapping[str, Any]]]
    over_baseline: Interval | None
    over_champion: Interval | None
    champion: str | None
    parity: Mapping[str, Any]
    latency_ms: float
    served: int
    differing: int
    has_few_entities: bool = False

    @property
    def no_interval(self) -> str:
        """Why a difference has none."""
        return FEW_ENTITIES if self.has_few_entities else NOT_DEFINED


@dataclass(frozen=True)
class Verdict:
    """Whether a release may be promoted, and each check that says so."""

    passed: bool
    checks: tuple[GateCheck, ...]

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self)

    @property
    def failures(self) -> list[str]:
        """A line per failed check."""
        return [
            f"{check.name}: {check.found}, required: {check.required}"
            for check in self.checks
            if check.passed is False
        ]


def judge(gate: Gate, evidence: Evidence) -> Verdict:
    """Every check of a gate; a check without evidence does not refuse."""
    checks = (
        *_bounds(gate, evidence.metrics),
        _skill(evidence),
        _over_baseline(gate, evidence),
        _over_champion(evidence),
        *_slices(gate, evidence),
        _parity(evidence),
        _latency(gate, evidence.latency_ms),
        _skew(gate, evidence),
    )
    return Verdict(all(check.passed is not False for check in checks), checks)


def _bounds(gate: Gate, metrics: Mapping[str, Any]) -> Iterator[GateCheck]:
    for name, bound in gate.minimum.items():
        yield _bounded(name, metrics[name], bound, rising=True)
    for name, bound in gate.maximum.items():
        yield _bounded(name, metrics[name], bound, rising=False)


def _bounded(name: str, value: float | None, bound: float, rising: bool) -> GateCheck:
    required = _required(bound, rising)
    if value is None:
        return GateCheck(name, False, NOT_DEFINED, required)
    passed = value >= bound if rising else value <= bound
    return GateCheck(name, passed, f"{value:.4f}", required)


def _required(bound: float, rising: bool) -> str:
    return f"at {'least' if rising else 'most'} {bound:g}"


def _skill(evidence: Evidence) -> GateCheck:
    """A model without skill is refused however little there is to judge by."""
    skill, metrics = evidence.skill, evidence.metrics
    value, (lowest, highest) = metrics[skill.metric], metrics[skill.range]
    name = "better than chance"
    required = f"{skill.metric} above {skill.chance:g}, and {skill.scores} that differ"
    found = f"{skill.scores} from {lowest:.4g} to {highest:.4g}"
    if lowest == highest:
        return GateCheck(name, False, found, required)
    if value is None:
        return GateCheck(name, None, f"{NOT_DEFINED}; {found}", required)
    return GateCheck(name, value > skill.chance, f"{skill.metric} {value:.4f}, {found}", required)


def _over_baseline(gate: Gate, evidence: Evidence) -> GateCheck:
    difference = evidence.over_baseline
    if gate.beats_baseline:
        return _gain(evidence)
    name, required = "as good as the simple baseline", NO_LOSS[evidence.is_rising]
    if difference is None:
        return GateCheck(name, None, evidence.no_interval, required)
    if _are_few(gate, evidence.counted, evidence.metrics):
        return GateCheck(name, None, _few(evidence.counted, evidence.metrics), required)
    found = _shown(evidence.compared_by, difference)
    return GateCheck(name, not _is_loss(evidence, difference), found, required)


def _gain(evidence: Evidence) -> GateCheck:
    difference, rising = evidence.over_baseline, evidence.is_rising
    name = "significantly better than the simple baseline"
    required = f"an interval {'above' if rising else 'below'} 0"
    if difference is None:
        return GateCheck(name, False, evidence.no_interval, required)
    passed = difference.low > 0 if rising else difference.high < 0
    return GateCheck(name, passed, _shown(evidence.compared_by, difference), required)


def _over_champion(evidence: Evidence) -> GateCheck:
    name, difference = "no significant loss against the champion", evidence.over_champion
    required = NO_LOSS[evidence.is_rising]
    if evidence.champion is None:
        return GateCheck(name, None, "there is no champion yet", required)
    if difference is None:
        return GateCheck(name, None, evidence.no_interval, required)
    found = f"{_shown(evidence.compared_by, difference)} against {evidence.champion}"
    return GateCheck(name, not _is_loss(evidence, difference), found, required)


def _is_loss(evidence: Evidence, difference: Interval) -> bool:
    """Whether all of the interval is on the worse side of 0."""
    return difference.high < 0 if evidence.is_rising else difference.low > 0


def _slices(gate: Gate, evidence: Evidence) -> Iterator[GateCheck]:
    for bounds, rising in ((gate.slice_minimum, True), (gate.slice_maximum, False)):
        for metric, bound in bounds.items():
            for feature, values in evidence.slices.items():
                for value, metrics in values.items():
                    name = f"{metric} where {feature} is {value}"
                    if _are_few(gate, evidence.counted, metrics) or metrics[metric] is None:
                        few = _few(evidence.counted, metrics)
                        yield GateCheck(name, None, few, _required(bound, rising))
                    else:
                        yield _bounded(name, metrics[metric], bound, rising)


def _parity(evidence: Evidence) -> GateCheck:
    parity = evidence.parity
    difference, labels = parity["largest_difference"], parity["label_disagreements"]
    scores = f"{evidence.skill.scores} differ by up to {difference:.2g}"
    found = f"{scores}, {labels} answers of {parity['rows']}"
    passed = difference <= LARGEST_DIFFERENCE and not labels
    return GateCheck("ONNX parity", passed, found, f"up to {LARGEST_DIFFERENCE:g}, 0 answers")


def _latency(gate: Gate, milliseconds: float) -> GateCheck:
    found, required = f"{milliseconds:.3f} ms", f"at most {gate.latency_ms:g} ms"
    passed = milliseconds <= gate.latency_ms
    return GateCheck("latency, 99th percentile of a row", passed, found, required)


def _skew(gate: Gate, evidence: Evidence) -> GateCheck:
    name, required = "training-serving skew", f"at most {gate.skew:.2%} of values differ"
    if not evidence.served:
        return GateCheck(name, None, "no prediction is collected yet", required)
    share = evidence.differing / evidence.served
    found = f"{evidence.differing:,} of {evidence.served:,} replayed values differ"
    return GateCheck(name, share <= gate.skew, found, required)


def _shown(metric: str, difference: Interval) -> str:
    return f"{metric} {difference.estimate:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"


def _are_few(gate: Gate, counted: str, metrics: Mapping[str, Any]) -> bool:
    return bool(metrics[counted] < gate.least_positives)


def _few(counted: str, metrics: Mapping[str, Any]) -> str:
    of_rows = "" if counted == "rows" else f" of {metrics['rows']} rows"
    return f"{metrics[counted]} {counted}{of_rows}, too few to judge"
