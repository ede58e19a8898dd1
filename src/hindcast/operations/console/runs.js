// Runs: a table of them, and one with its progress and the tail of its log.

import { get, post } from "./api.js";
import { ago, facts, h, id, length, mark, section, table } from "./dom.js";

const KINDS = { succeeded: "good", failed: "bad", interrupted: "bad", cancelled: "warn", running: "warn", queued: "" };
const OPEN = ["running", "queued", "unfinished"];
let seconds = 0;

export const working = (run) => OPEN.includes(run.status);
export const refreshes = () => seconds;

export function runTable(rows) {
  return table([
    { title: "run", head: true, value: (each) => h("a", { href: `#/runs/${encodeURIComponent(each.id)}` }, id(each.id)) },
    { title: "kind", value: (each) => each.kind },
    { title: "status", value: (each) => mark(each.status, KINDS[each.status] ?? "") },
    { title: "started", value: (each) => ago(each.started_at ?? each.requested_at) },
    { title: "took", number: true, value: (each) => length(each.seconds) },
    { title: "what", value: (each) => each.progress ?? each.error ?? parameters(each.parameters) },
  ], rows, { href: (each) => `#/runs/${encodeURIComponent(each.id)}`, empty: "Nothing ran yet." });
}

/** What a run was given, on a line: documents are told where the run is told in full. */
const parameters = (given) => Object.entries(given ?? {}).filter(([, each]) => each !== null && typeof each !== "object").map(([name, each]) => `${name} ${each}`).join(", ");

export async function page({ rest, given, again }) {
  if (!rest.length) return listed(given);
  const run = await get(`runs/${encodeURIComponent(rest[0])}`);
  seconds = working(run) ? 2 : 0;
  const act = (name) => h("button", { type: "button", onclick: () => acted(run, name, again) }, name);
  return [
    h("div", { class: "top" }, h("h1", {}, `${run.kind} `, id(run.id)), mark(run.status, KINDS[run.status] ?? ""),
      h("span", { class: "end" }, working(run) ? act("cancel") : ["failed", "interrupted", "cancelled"].includes(run.status) ? act("retry") : null)),
    section(null, facts({ started: ago(run.started_at), requested: run.started_at ? null : ago(run.requested_at), took: length(run.seconds), by: run.by, progress: run.progress, error: run.error && h("span", { class: "bad" }, run.error) })),
    told("Parameters", run.parameters), told("Inputs", run.inputs), told("Outputs", run.outputs),
    run.log?.length ? section("End of the log", h("pre", { tabindex: 0 }, Array.isArray(run.log) ? run.log.join("\n") : run.log)) : null,
  ].filter(Boolean);
}

async function listed(given) {
  const query = new URLSearchParams([...given].filter(([name]) => ["kind", "status", "cursor"].includes(name)));
  const { runs, next } = await get(`runs?${query}`);
  seconds = runs.some(working) ? 5 : 0;
  if (next) query.set("cursor", next);
  return [h("h1", {}, "Runs"), section(null, runTable(runs)), next ? h("a", { href: `#/runs?${query}` }, "Earlier runs") : null].filter(Boolean);
}

const told = (title, given) => (given && Object.keys(given).length ? section(title, h("pre", { tabindex: 0 }, JSON.stringify(given, null, 2))) : null);

async function acted(run, name, again) {
  const place = document.querySelector("#told");
  try {
    const next = await post(`runs/${encodeURIComponent(run.id)}/${name}`);
    if (next.id && next.id !== run.id) location.hash = `#/runs/${encodeURIComponent(next.id)}`;
    else again();
  } catch (error) {
    place.textContent = error.message;
    setTimeout(() => (place.textContent = ""), 8000);
  }
}
