// A call to be tried: fields for what it takes, and what came back.

import { bearer } from "./api.js";
import { ask } from "./dialog.js";
import { badge, el } from "./dom.js";

const SHOWN = ["Server-Timing", "X-Request-ID", "Retry-After", "Idempotent-Replayed"];
const MOST = 200_000; // characters of an answer that are shown

/** The form of *call*, its body filled with *example*. */
export function trial(call, example) {
  if (call.responses["200"].content["text/html"]) {
    return el("p", { class: "note" }, "A browser is sent here; it is nothing to try.");
  }
  const fields = call.parameters.map((one) => parameter(call, one));
  const body = example === undefined ? null : area(call, example);
  const stop = el("button", { type: "button", class: "quiet", hidden: true }, "Stop");
  const send = el("button", { type: "submit" }, "Send");
  const shown = el("div", { class: "came", "aria-live": "polite" });
  const form = el(
    "form",
    { class: "trial", "aria-label": `Try: ${call.summary}` },
    fields,
    body,
    el("div", { class: "row" }, send, stop),
    shown,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const ended = new AbortController();
    stop.onclick = () => ended.abort();
    const request = requestOf(call, form, ended.signal);
    if (!(await sure(request))) return;
    send.disabled = true;
    stop.hidden = false;
    await run(request, shown, ended.signal);
    send.disabled = false;
    stop.hidden = true;
  });
  return form;
}

function parameter(call, { name, in: place, required, schema, example }) {
  const id = `${call.operationId}-${name}`;
  const type = schema.type === "integer" ? "number" : "text";
  const hint = schema.default === undefined ? null : `${schema.default}`;
  const value = place === "path" || required ? example : null;
  const more = { required, type, value, placeholder: hint ?? example, autocomplete: "off" };
  return el(
    "div",
    { class: "parameter" },
    el("label", { for: id }, name, " ", el("small", {}, place)),
    el("input", { id, name, "data-in": place, ...more }),
  );
}

function area(call, example) {
  const id = `${call.operationId}-body`;
  const words = JSON.stringify(example, null, 2);
  const rows = Math.min(24, words.split("\n").length + 1);
  const field = el("textarea", { id, rows, spellcheck: "false" }, words);
  return el("div", { class: "body" }, el("label", { for: id }, "Body"), field);
}

/** What `fetch` wants, of what the form holds. */
function requestOf(call, form, signal) {
  let { path } = call;
  const query = new URLSearchParams();
  const headers = call.security.length ? bearer() : {};
  for (const { name, value, dataset } of form.querySelectorAll("[data-in]")) {
    if (dataset.in === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (value && dataset.in === "query") query.set(name, value);
    else if (value) headers[name] = value;
  }
  const body = form.querySelector("textarea")?.value;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const url = query.size ? `${path}?${query}` : path;
  return { url, method: call.method.toUpperCase(), headers, body, signal };
}

/** What may change something is asked about once more. */
function sure({ url, method }) {
  if (method === "GET") return true;
  return ask({
    title: "Send this to Ordo?",
    about: [
      el("p", {}, el("code", {}, `${method} ${url}`)),
      el("p", {}, "It is no rehearsal: what it says is done, at the brokers too."),
    ],
    button: "Send it",
    submit: async () => {},
  });
}

async function run({ url, ...request }, shown, signal) {
  const words = el("pre", { tabindex: 0 });
  const began = performance.now();
  try {
    const answer = await fetch(url, { ...request, cache: "no-store" });
    shown.replaceChildren(headOf(answer, performance.now() - began), words);
    await read(answer, words);
  } catch (error) {
    const why = signal.aborted ? "Stopped." : `No answer: ${error.message}`;
    shown.append(el("p", { class: signal.aborted ? "note" : "problem" }, why));
  }
}

function headOf(answer, took) {
  const tone = answer.status < 300 ? "good" : answer.status < 500 ? "warn" : "bad";
  const told = SHOWN.filter((name) => answer.headers.has(name));
  return el(
    "p",
    {},
    badge(tone, answer.status),
    ` in ${took.toFixed(0)} ms `,
    told.map((name) => el("small", {}, `${name}: ${answer.headers.get(name)}  `)),
  );
}

/** JSON in lines; anything else as it comes, since a stream has no end. */
async function read(answer, words) {
  if (answer.headers.get("Content-Type") === "application/json") {
    words.textContent = indented(await answer.text());
    return;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    words.textContent = (words.textContent + value).slice(-MOST);
  }
}

function indented(text) {
  return JSON.stringify(JSON.parse(text), null, 2).slice(0, MOST);
}
