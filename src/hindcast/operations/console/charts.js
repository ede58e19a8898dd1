// Small drawings: a histogram, two histograms over each other, and a value over time.

import { h, minute, number, s } from "./dom.js";

/** What a histogram counts, by label: bins of numbers, or categories with the rest and null. */
function shares(histogram) {
  const counts = histogram.kind === "numeric"
    ? histogram.counts.map((count, at) => [`${number(histogram.edges[at])} to ${number(histogram.edges[at + 1])}`, count])
    : [...Object.entries(histogram.counts), ["others", histogram.other ?? 0]];
  const all = [...counts, ["null", histogram.nulls ?? 0]].filter(([, count]) => count > 0 || histogram.kind === "numeric");
  const total = all.reduce((sum, [, count]) => sum + count, 0) || 1;
  return all.map(([label, count]) => ({ label, share: count / total }));
}

/** A histogram as bars, each with its range and share at hand. */
export function bars(histogram, name) {
  const found = shares(histogram);
  const most = Math.max(...found.map((each) => each.share), 1e-9);
  const width = 160 / Math.max(found.length, 1);
  return s("svg", { class: "bars", viewBox: "0 0 160 40", preserveAspectRatio: "none", role: "img", "aria-label": `Distribution of ${name}` },
    found.map((each, at) => s("rect", {
      class: "now", x: at * width + 0.5, y: 40 - (38 * each.share) / most, width: Math.max(width - 1, 0.5), height: (38 * each.share) / most,
    }, s("title", {}, `${each.label}: ${(100 * each.share).toFixed(1)}%`))));
}

/** A value over time, [{at, value}] in the order of time, and the limit that it should not pass. */
export function trend(points, limit, name) {
  const known = points.filter((point) => Number.isFinite(point.value));
  if (!known.length) return h("p", { class: "empty" }, "Not judged yet.");
  const most = Math.max(...known.map((point) => point.value), limit ?? 0) * 1.08 || 1;
  const x = (at) => (known.length === 1 ? 150 : (300 * at) / (known.length - 1));
  const y = (value) => 90 - (86 * value) / most;
  const line = known.map((point, at) => `${at ? "L" : "M"}${x(at).toFixed(1)},${y(point.value).toFixed(1)}`).join(" ");
  const [first, last] = [known[0], known[known.length - 1]];
  return h("figure", {},
    h("figcaption", {}, name, h("small", {}, ` ${number(last.value)}`)),
    s("svg", { class: "chart", viewBox: "0 0 300 94", preserveAspectRatio: "none", role: "img", "aria-label": `${name} over time` },
      limit ? s("path", { class: "limit", d: `M0,${y(limit)} H300` }, s("title", {}, `limit ${number(limit)}`)) : null,
      s("path", { class: "trend", d: line }),
      known.map((point, at) => s("circle", { class: "now", cx: x(at), cy: y(point.value), r: 2.5 }, s("title", {}, `${point.at}: ${number(point.value)}`)))),
    h("small", {}, minute(first.at), known.length > 1 ? " to " : "", known.length > 1 ? minute(last.at) : ""));
}
