"""Definitions that mean nothing: small changes of a project that loads, each wrong in one way."""

from collections.abc import Iterator

RIGHT = """
from datetime import timedelta
from hindcast.definitions import *

class Classifier:
    def fit(self, rows, labels): ...

def build(seed): return Classifier()

customer = Entity("customer", key="id")
loans = Source("loans", entity=customer, event_timestamp="at", tiebreaker="nr", recorded_at="seen",
    label="status", schema={"id": "bigint", "at": "date", "nr": "bigint", "seen": "timestamp",
    "amount": "double", "job": "string", "born": "date", "status": "bigint", "is_old": "boolean",
    "price": "decimal(9,2)"}, checks=[Check("amount > 0", on_fail="null", field="amount")])
history = FeatureView("history", source=loans, refreshed="daily 02:00", features=[
    Feature("nb_loans", "count(*)", over=prior()), Feature("job", "job", over=latest()),
    Feature("recent", "sum(amount)", over=prior(days=90)), Feature("seen", "seen", over=latest()),
    Feature("age", "years_between(born, as_of)")])
risk = Model("risk", features=history[["nb_loans", "recent"]], label="loans.status",
    label_matures=days(60), estimator=build, threshold=0.5, slices=["job"], seed=7,
    gate=Gate(minimum={"roc_auc": 0.6}, maximum={"brier": 0.2}, compare="roc_auc",
    beats_baseline=True, slice_minimum={"ks": 0.1}, least_positives=20, latency_ms=5,
    skew=0.0), cold_start="refuse")
"""

# How the refusal begins | what is changed | to what | to what else ...
_CHANGES = r"""
entity | "customer" | "../escaped" | "a/b" | "a.b" | "two words" | "größe" | "" | 5 | None | ["a"]
source | "loans" | "../escaped" | "/tmp" | "a\nb" | "two words" | "" | "-x" | 5 | None | "a" * 64
source 'predictions' | "loans" | "predictions"
source 'Predictions' | "loans" | "Predictions"
feature view | "history" | "../escaped" | ".." | "a'b" | "two words" | "" | 5 | None | ("a", "b")
model | "risk" | "../escaped" | "a;b" | "a%b" | "two words" | "" | "-x" | 5 | None | b"risk"
entity 'customer': key is | "id") | []) | 5) | None) | "") | "a\nb") | ["id", ""])
entity 'customer': key | "id") | ["id", "id"]) | ["id", 5])
source 'loans': key ' | "id") | "amount") | "seen") | "price") | "is_old") | ["id", "nobody"])
source 'loans': entity is | y=customer | y=Entity | y="id" | y=[customer] | y=days(1)
source 'loans': | entity=customer | entity=None | entities=[] | entities=["id"] | entities=5
source 'loans': | entity=customer | entities={customer: ["id", "nr"]} | entities={"a": "id"}
source 'loans': | entity=customer | entities=[customer, Entity("Customer", "id")]
source 'loans': | entity=customer | entity=customer, entities=[Entity("shop", "nr")]
source 'loans': event_timestamp | p="at" | p="id" | p="job" | p="nothing" | p=5 | p=None | p=["at"]
source 'loans': tiebreaker | r="nr" | r="amount" | r="is_old" | r="nothing"
source 'loans': tiebreaker | r="nr" | r=5 | r=None | r=["nr"]
source 'loans': recorded_at | t="seen" | t="job" | t="id" | t="nothing" | t=5 | t=True | t=["seen"]
source 'loans': label | l="status" | l="nothing" | l="id" | l="at" | l="nr"
source 'loans': label | l="status" | l="seen" | l=5 | l=["x"]
source 'loans', column 'amount': | "double" | "real" | "integer" | "" | float
source 'loans', column 'amount': | "double" | "decimal" | None | "varchar"
source 'loans' | "price": | 5: | None: | "": | "JOB": | "as_of": | "_row": | "_file": | ("a", "b"):
source 'loans': checks is | s=[Check( | s="amount > 0" or [Check( | s=None and [Check(
source 'loans': checks is | s=[Check( | s=5 or [Check(
source 'loans': checks has | [Check( | ["amount > 0", Check( | [None, Check( | [5, Check(
source 'loans', check | "amount > 0" | "amuont > 0" | "amount" | "amount >"
source 'loans', check | "amount > 0" | "job > 0" | "sum(amount) > 0"
source 'loans', check | "amount > 0" | "at < as_of" | "soundex(job) = 'A'"
source 'loans', check | "amount > 0" | "amount > 0; drop" | "1 > 'a'"
check | "amount > 0" | "" | " " | 5 | None | ["amount > 0"]
check 'amount > 0': on_fail | l="null" | l="drop" | l="" | l=None | l=5 | l=["null"] | l=True
check 'amount > 0': field | d="amount" | d=5 | d="" | d=["amount"]
source 'loans', check 'amount > 0': | d="amount" | d="amuont" | d="id" | d="at" | d="nr"
feature view 'history': source is | e=loans | e="loans" | e=customer | e=None | e=[loans] | e=Source
feature view 'history': features is | es=[ | es=None and [ | es="amount" or [ | es=loans or [
feature view 'history': it has no features | es=[ | es=[] and [ | es=() and [
feature view 'history': features has | es=[ | es=["amount", | es=[None, | es=[Feature, | es=[[],
feature view 'history', feature 'age': | "years_between(born, as_of)" | "amount"
feature view 'history', feature 'age': | "years_between(born, as_of)" | "years_between(born)"
feature view 'history', feature 'age': | "years_between(born, as_of)" | "days_between(id, as_of)"
feature view 'history', feature 'age': | "years_between(born, as_of)" | "select 1" | "1 +"
feature view 'history', feature 'recent': | "sum(amount)" | "sum(amuont)" | "sum(job)" | "amount"
feature view 'history', feature 'recent': | "sum(amount)" | "sum(sum(amount))" | "sum("
feature view 'history', feature 'recent': | "sum(amount)" | "sum(status)"
feature view 'history', feature 'recent': | "sum(amount)" | "sum(amount) over ()" | "'"
feature view 'history', feature 'recent': | "sum(amount)" | "mad(amount)"
feature 'recent': | "sum(amount)" | "" | " " | 5 | None | ["sum(amount)"]
feature 'recent': over is | over=prior(days=90) | over=prior | over=90
feature 'recent': over is | over=prior(days=90) | over="prior" | over=days(90)
prior(): days is | days=90 | days=0 | days=-1 | days=1.5 | days="90"
prior(): days is | days=90 | days=True | days=10**9 | days=[9]
feature view 'history', feature ' | "seen", "s | "id", "s | "recent", "s | "label", "s | "_x", "s
feature view 'history', feature ' | "seen", "s | "RECENT", "s | "a b", "s | "", "s | "größe", "s
feature: name is | "seen", "s | 5, "s | None, "s | ["seen"], "s
feature view 'history' | [["nb_loans", "recent"]] | [["nothing"]] | [["job", "job"]]
feature view 'history' | [["nb_loans", "recent"]] | ["job"] | [[]]
feature view 'history' | [["nb_loans", "recent"]] | [5] | [None] | [[5]] | [0:1] | [{"job"}]
model 'risk': features is | history[["nb_loans", "recent"]] | [] | ()
model 'risk': features has | history[["nb_loans", "recent"]] | None | loans | [[history[...]]]
model 'risk': feature 'seen' | history[["nb_loans", "recent"]] | history | [history[...]]
model 'risk': feature 'seen' | [["nb_loans", "recent"]] | [...] | [["seen"]] | [["age", "seen"]]
model 'risk': label | "loans.status" | "status" | "loans.job" | "other.status" | ""
model 'risk': label | "loans.status" | 5 | None | ["x"]
model 'risk': label | "loans.status" | Label("loans.status") | Label("loans.job") | Label("a.b")
model 'risk': label | "loans.status" | Label("others.status", on="nr")
model 'risk': label | "loans.status" | Label("loans.status", on={"nr": "x"})
label | "loans.status" | Label("status") | Label("loans.status", on=5) | Label(5)
label 'loans.status' | "loans.status" | Label("loans.status", on={"nr": 5})
label 'loans.status' | "loans.status" | Label("loans.status", matures=5)
label 'loans.status' | "loans.status" | Label("loans.status", ahead=-days(1))
model 'risk': | seed=7 | spine=customer | spine=5 | spine=[loans]
feature view 'history': | y 02:00" | y 02:00", ttl=5 | y 02:00", ttl=days(0) | y 02:00", tags="a"
feature view 'history': | y 02:00" | y 02:00", entity="id" | y 02:00", entity=Entity("shop", "nr")
feature view 'history': | y 02:00" | y 02:00", owner=5 | y 02:00", description=""
request source | seed=7 | seed=RequestSource("a/b", {"x": "bigint"}) | seed=RequestSource("r", {})
request source 'r' | seed=7 | seed=RequestSource("r", {"x": "money"}) | seed=RequestSource("r", 5)
feature service | seed=7 | seed=FeatureService("a/b", [history]) | seed=FeatureService("s", history)
derived feature | seed=7 | seed=Derived(5, "1") | seed=Derived("a", "") | seed=Derived("a", None)
model 'risk': label_matures | s=days(60) | s=60 | s="60 days" | s=None | s=timedelta(days=-1)
days(): count | days(60) | days(-1) | days("60") | days(None) | days(1.5) | days(10**9) | days(True)
model 'risk': estimator | r=build | r=build(0) | r=Classifier | r=None
model 'risk': estimator | r=build | r="build" | r=lambda: 0 | r=5
model 'risk': threshold | =0.5 | ="0.5" | =1.5 | =-0.1 | =float("nan") | =True | =[0.5]
model 'risk': slice | s=["job"] | s="job" | s=None | s=5 | s=["nothing"] | s=[5] | s=["loans.job"]
model 'risk': seed is | seed=7 | seed=-1 | seed="7" | seed=None | seed=2**32 | seed=1.5 | seed=True
model 'risk': gate is | gate=Gate( | gate=None and Gate( | gate=0.6 or Gate( | gate={} and Gate(
model 'risk', gate: a metric of minimum | {"roc_auc": 0.6} | {"accuracy": 0.6} | {"brier": 0.6}
model 'risk', gate: a metric of m | {"ks": 0.1} | {"log_loss": 0.1} | {"r2": 1}
model 'risk', gate: a metric of maximum | {"brier": 0.2} | {"roc_auc": 0.2} | {"mae": 9}
gate: | {"roc_auc": 0.6} | {5: 0.6} | ["roc_auc"] | 0.6 | None
gate: | {"roc_auc": 0.6} | {"roc_auc": "0.6"} | {"roc_auc": None} | {"roc_auc": float("nan")}
gate: | {"brier": 0.2} | {"brier": -1} | {"brier": True} | "brier" | None
gate: compare is | compare="roc_auc" | compare=5 | compare=["ks"]
model 'risk', gate: compare is | compare="roc_auc" | compare="" | compare="calibration_error"
gate: | {"ks": 0.1} | {"ks": []} | {None: 1} | 0.1
model 'risk': task is | seed=7 | task="ranking" | task=None | task=["binary"]
model 'risk': label 'loans.status' is | "status": "bigint" | "status": "date" | "status": "double"
model 'risk': threshold is for a binary model | seed=7 | task="regression" | task="multiclass"
model 'risk': coverage is for a regression model | seed=7 | coverage=0.9
model 'risk': split is | seed=7 | split=0.3 | split=None | split=Split
model 'risk': its split is by entity | seed=7 | split=Split(group=Entity("shop", key="nr"))
split: holdout is | seed=7 | split=Split(0) | split=Split(1.0) | split=Split("0.3")
split: start is | seed=7 | split=Split(start="2020-01-01") | split=Split(start=2020)
split: group is | seed=7 | split=Split(group="customer") | split=Split(group=["entity"])
gate: beats_baseline | beats_baseline=True | beats_baseline=1 | beats_baseline="yes"
gate: least_positives | =20 | ="20" | =0 | =None | =2.5
gate: latency_ms | _ms=5 | _ms="5" | _ms=-5 | _ms=None | _ms=float("inf")
model 'risk': cold_start is | start="refuse" | start="ignore" | start=None | start=5
feature view 'history': refreshed is | "daily 02:00" | "daily" | "daily 25:00" | "at noon" | 5 | ""
gate: skew | skew=0.0 | skew="0" | skew=-1 | skew=2 | skew=None
"""


def changed() -> Iterator[tuple[str, str]]:
    """How each refusal begins, and the project with the change that is refused."""
    for line in _CHANGES.strip().splitlines():
        begin, right, *wrongs = line.split(" | ")
        for wrong in wrongs:
            assert right in RIGHT, right
            yield begin, RIGHT.replace(right, wrong, 1)
