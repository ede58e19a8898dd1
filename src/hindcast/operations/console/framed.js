// A page that the API gives, such as a model card. It has styles of its own, so it is shown in a frame, which may run nothing.

import { get } from "./api.js";
import { h, section } from "./dom.js";

/** A place that shows the page once it is there. */
export function framed(title, path) {
  const place = h("div", {}, h("p", { class: "empty", role: "status" }, `Reading: ${title}`));
  fill(place, title, path);
  return place;
}

async function fill(place, title, path) {
  try {
    const { html } = await get(path);
    place.replaceChildren(h("iframe", { title, sandbox: "", srcdoc: html }));
  } catch (error) {
    place.replaceChildren(section(title, h("p", {}, error.message)));
  }
}
