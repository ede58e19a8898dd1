// Which page is shown, who is signed in, and the keyboard.

import { Refused, token } from "./api.js";
import { h } from "./dom.js";
import * as catalogue from "./catalogue.js";
import * as drift from "./drift.js";
import * as entities from "./entities.js";
import * as overview from "./overview.js";
import * as releases from "./releases.js";
import * as runs from "./runs.js";

const PAGES = { "": overview, entities, releases, drift, catalogue, runs };
const main = document.querySelector("#main");
const signIn = document.querySelector("#sign-in");
let shown = 0;

/** The address after #: its page, the rest of its path, and its parameters. */
function address() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [page, ...rest] = path.split("/").map(decodeURIComponent);
  return { page, rest, given: new URLSearchParams(query) };
}

async function show({ quietly = false } = {}) {
  const { page, rest, given } = address();
  const turn = ++shown;
  const chosen = PAGES[page] ?? overview;
  document.querySelectorAll("nav a").forEach((link) => {
    if (link.dataset.page === page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  if (!quietly) main.replaceChildren(h("p", { class: "empty", role: "status" }, "Reading ..."));
  try {
    const content = await chosen.page({ rest, given, again: () => show({ quietly: true }) });
    if (turn !== shown) return;
    main.replaceChildren(...[content].flat());
    document.title = `${main.querySelector("h1")?.textContent ?? "Overview"} - Hindcast`;
    const seconds = chosen.refreshes?.() ?? 0;
    if (seconds) setTimeout(() => turn === shown && !busy() && show({ quietly: true }), 1000 * seconds);
  } catch (error) {
    if (turn === shown) fail(error);
  }
}

/** Whether someone types or reads in the page, which a refresh would disturb. */
const busy = () => main.contains(document.activeElement) && document.activeElement !== main;

function fail(error) {
  if (error instanceof Refused && error.status === 401) {
    main.replaceChildren();
    document.querySelector("#sign-in-error").textContent = token.get() ? "This token is not known." : "";
    if (!signIn.open) signIn.showModal();
    return;
  }
  if (!(error instanceof Refused)) throw error;
  main.replaceChildren(h("section", { class: "error", role: "alert" }, h("h2", {}, "This could not be read"), h("p", {}, error.message)));
}

function move(step) {
  const rows = [...main.querySelectorAll("tr[data-href]")];
  const at = rows.indexOf(document.activeElement);
  rows[Math.min(Math.max(at + step, 0), rows.length - 1)]?.focus();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, select, textarea")) return;
  const row = event.target.closest?.("tr[data-href]");
  if (event.key === "Enter" && row === event.target && row) location.hash = row.dataset.href;
  else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "?") document.querySelector("#keys").showModal();
  else if (event.key === "/") main.querySelector("input, select")?.focus();
  else {
    const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
    if (!link) return;
    location.hash = link.getAttribute("href");
  }
  event.preventDefault();
}

function begin() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    token.set(given);
    history.replaceState(null, "", location.pathname);
  }
  signIn.addEventListener("close", () => {
    const field = document.querySelector("#token");
    if (field.value) token.set(field.value.trim());
    field.value = "";
    show();
  });
  document.querySelector("#help").addEventListener("click", () => document.querySelector("#keys").showModal());
  document.querySelector(".skip").addEventListener("click", (event) => (event.preventDefault(), main.focus()));
  window.addEventListener("hashchange", () => show());
  document.addEventListener("keydown", pressed);
  show();
}

begin();
