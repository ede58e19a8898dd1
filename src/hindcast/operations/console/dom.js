// Elements, tables and the words for instants and numbers. Text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; `on...` attributes are listeners, null ones are left out. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for a drawing. */
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * A table of rows. columns: {title, value(row) -> text or element, number, head}.
 * href(row): where a click or Enter leads, if anywhere.
 */
export function table(columns, rows, { href = null, empty = "Nothing yet." } = {}) {
  if (!rows.length) return h("p", { class: "empty" }, empty);
  const head = h("tr", {}, columns.map((column) => h("th", { scope: "col", class: column.number && "n" }, column.title)));
  const body = rows.map((row) => {
    const address = href && href(row);
    const cells = columns.map((column) => cell(column, row));
    const open = address ? { "data-href": address, tabindex: 0, onclick: (event) => follow(event, address) } : {};
    return h("tr", open, cells);
  });
  return h("div", { class: "wide" }, h("table", { class: "stack" }, h("thead", {}, head), h("tbody", {}, body)));
}

function cell(column, row) {
  const shown = column.value(row);
  const attributes = { class: column.number && "n", "data-label": column.head ? null : column.title || null };
  return h(column.head ? "th" : "td", { ...attributes, scope: column.head && "row" }, shown ?? "");
}

function follow(event, address) {
  if (!event.target.closest("a, button, input")) location.hash = address;
}

/** Names beside values; null values are left out. */
export function facts(entries) {
  const given = Object.entries(entries).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, given.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

export const mark = (text, kind = "") => h("span", { class: `mark ${kind}` }, text);
export const light = (kind, text) => h("span", {}, h("span", { class: `light ${kind}`, "aria-hidden": "true" }), text);
export const id = (text) => (text ? h("span", { class: "id", title: text }, text) : "");
export const short = (release) => release.replace(/-([0-9a-f]{12})[0-9a-f]{52}$/, "-$1");
export const section = (title, ...children) => h("section", {}, title && h("h2", {}, title), children);

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

/** Seconds in the largest unit that fits, such as "3 hours". */
export function length(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const [unit, size] = UNITS.find(([, each]) => seconds >= each);
  const count = Math.round(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** An instant as how long ago it was, its exact text at hand. */
export function ago(instant) {
  if (!instant) return "";
  const seconds = (Date.now() - new Date(instant)) / 1000;
  const text = seconds < 5 ? "just now" : `${length(seconds)} ago`;
  return h("time", { datetime: instant, title: instant }, text);
}

/** An instant to the minute, in UTC. */
export function minute(instant) {
  return instant ? h("time", { datetime: instant, title: instant }, new Date(instant).toISOString().slice(0, 16).replace("T", " ") + " UTC") : "";
}

/** A value as people read it: numbers with few digits, null as none. */
export function value(given) {
  if (given === null || given === undefined) return h("span", { class: "soft" }, "null");
  if (typeof given === "number") return number(given);
  if (Array.isArray(given)) return `[${given.map((each) => (typeof each === "number" ? number(each) : String(each))).join(", ")}]`;
  return typeof given === "object" ? JSON.stringify(given) : String(given);
}

export function number(given) {
  if (Number.isInteger(given)) return given.toLocaleString("en-US");
  const size = Math.abs(given);
  return size >= 1e6 || (size < 1e-4 && size > 0) ? given.toPrecision(4) : given.toLocaleString("en-US", { maximumSignificantDigits: 6 });
}

export const percent = (share) => (share === null || share === undefined ? "" : `${(100 * share).toFixed(share > 0 && share < 0.1 ? 2 : 1)}%`);
