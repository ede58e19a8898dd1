// Requests to the control API, with the token of this tab.

const TOKEN = "hindcast-token";

/** A refusal of the API: its status, the field that it names, and what it says. */
export class Refused extends Error {
  constructor(status, field, message) {
    super(field ? `${field} ${message}` : message);
    this.status = status;
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (text) => sessionStorage.setItem(TOKEN, text),
};

export const get = (path) => ask("GET", path);
export const post = (path, body = {}) => ask("POST", path, body);

async function ask(method, path, body) {
  const headers = { Accept: "application/json" };
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused(0, null, "The server does not answer; is hindcast serve --admin running?");
  }
  const text = await response.text();
  const document = parsed(text);
  if (!response.ok) {
    const { field = null, message = `HTTP ${response.status}` } = document?.error ?? {};
    throw new Refused(response.status, field, message);
  }
  return document ?? text;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
