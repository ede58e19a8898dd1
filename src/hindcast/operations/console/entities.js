// One entity: its features with their types and ages, the prediction, what was answered, replay.

import { get, post } from "./api.js";
import { ago, facts, h, id, mark, minute, number, percent, section, short, table, value } from "./dom.js";

export async function page({ given }) {
  const { models } = await get("catalogue");
  const heading = h("h1", {}, "Entities");
  if (!models.length) return [heading, h("p", { class: "empty" }, "The project declares no model.")];
  const model = models.find((each) => each.name === given.get("model")) ?? models.find((each) => each.is_default) ?? models[0];
  const result = h("div", { "aria-live": "polite" });
  const asked = [...given].filter(([name]) => name !== "model");
  if (asked.length) result.append(...(await found(model, Object.fromEntries(asked))));
  return [heading, section(null, question(model, models, given)), result];
}

/** The form of a model's keys and request values; asking puts them into the address. */
function question(model, models, given) {
  const choose = h("select", { onchange: () => (location.hash = `#/entities?model=${encodeURIComponent(choose.value)}`) },
    models.map((each) => h("option", { selected: each === model }, each.name)));
  const inputs = [...model.keys, ...Object.keys(model.request)].map((name) => {
    const hint = model.request[name] ?? "key";
    return h("label", {}, `${name} (${hint})`, h("input", { name, value: given.get(name) ?? "", autocomplete: "off", spellcheck: "false" }));
  });
  return h("form", { class: "ask", onsubmit: (event) => ask(event, model) },
    h("label", {}, "model", choose), inputs, h("button", { class: "primary" }, "Look up"));
}

function ask(event, model) {
  event.preventDefault();
  const given = [...new FormData(event.target)].filter(([, text]) => text.trim() !== "");
  const values = new URLSearchParams([["model", model.name], ...given]);
  const wanted = `#/entities?${values}`;
  if (location.hash === wanted) window.dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = wanted;
}

async function found(model, texts) {
  const known = await post(`models/${encodeURIComponent(model.name)}/lookup`, { question: texts });
  const before = section("Answers before", answers(known.answers));
  if (known.unknown) return [section("Unknown", h("p", {}, `${known.unknown}.`)), before];
  return [
    h("div", { class: "cards" }, h("div", { class: "card" }, h("h2", {}, "Prediction"), prediction(known.prediction), facts({
      release: h("a", { href: `#/releases/${encodeURIComponent(known.release)}` }, short(known.release)),
      "features as of": h("span", {}, minute(known.features_as_of), " (", ago(known.features_as_of), ")"),
    })), h("div", { class: "card" }, h("h2", {}, "Views"), ages(known.views))),
    section("Features", features(known.features)),
    before,
  ];
}

function prediction(said) {
  const { prediction: answer, probability, probabilities, interval } = said;
  return facts({
    answer: h("strong", {}, value(answer)),
    probability: probability === undefined ? null : percent(probability),
    interval: interval ? `${number(interval[0])} to ${number(interval[1])}` : null,
    ...Object.fromEntries(Object.entries(probabilities ?? {}).map(([name, share]) => [name, percent(share)])),
  });
}

function ages(views) {
  return table([
    { title: "view", head: true, value: ([name]) => name },
    { title: "rows as of", value: ([, instant]) => minute(instant) },
    { title: "age", value: ([, instant]) => ago(instant) },
  ], Object.entries(views), { empty: "The model reads no view." });
}

function features(rows) {
  return table([
    { title: "feature", head: true, value: (each) => each.name },
    { title: "type", value: (each) => each.type },
    { title: "value", number: true, value: (each) => value(each.value) },
    { title: "when", value: (each) => (each.when_asked ? "when asked" : "materialized") },
  ], rows);
}

function answers(rows) {
  return table([
    { title: "when", head: true, value: (each) => h("span", {}, minute(each.instant), " ", h("small", {}, ago(each.instant))) },
    { title: "answer", value: (each) => (each.prediction ? said(each.prediction) : mark(each.outcome)) },
    { title: "release", value: (each) => h("a", { href: `#/releases/${encodeURIComponent(each.release)}` }, short(each.release)) },
    { title: "features as of", value: (each) => minute(each.features_as_of) },
    { title: "id", value: (each) => id(each.prediction_id) },
    { title: "", value: (each) => each.prediction && replayer(each) },
  ], rows, { empty: "No answer about this entity was collected." });
}

const said = ({ prediction: answer, probability, interval }) =>
  h("span", {}, h("strong", {}, value(answer)), " ", h("small", {}, probability !== undefined ? percent(probability) : interval ? `${number(interval[0])} to ${number(interval[1])}` : ""));

/** A button that becomes what came of computing the answer again. */
function replayer(answer) {
  const place = h("div", {}, h("button", { type: "button", onclick: () => replay(answer, place) }, "Replay"));
  return place;
}

async function replay(answer, place) {
  place.replaceChildren(h("small", { role: "status" }, "Computing it again ..."));
  try {
    const found = await post(`predictions/${encodeURIComponent(answer.prediction_id)}/replay`);
    place.replaceChildren(outcome(found));
  } catch (error) {
    place.replaceChildren(h("small", { class: "bad", role: "alert" }, error.message));
  }
}

function outcome(found) {
  const unlike = found.values.filter((each) => each.outcome !== "match");
  const verdict = mark(unlike.length ? `${unlike.length} of ${found.values.length} differ` : `all ${found.values.length} as answered`, unlike.length ? "bad" : "good");
  return h("details", { open: unlike.length > 0 }, h("summary", {}, verdict), table([
    { title: "value", head: true, value: (each) => each.name },
    { title: "answered", value: (each) => value(each.logged) },
    { title: "again", value: (each) => value(each.recomputed) },
    { title: "", value: (each) => mark(each.outcome, each.outcome === "match" ? "good" : "bad") },
  ], found.values));
}
