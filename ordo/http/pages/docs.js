// The API page: Ordo's own OpenAPI document, to be read and tried.

import { Failed, bearer } from "./api.js";
import { badge, el } from "./dom.js";
import { guard } from "./gate.js";
import { examplesOf, outline } from "./schema.js";
import { trial } from "./trial.js";

const METHODS = { get: "plain", post: "good", put: "warn", patch: "warn", delete: "bad" };

const by = (id) => document.getElementById(id);
const book = by("book");

guard(by("gate"), by("forget"), {
  opened: async () => {
    try {
      draw(await fetched());
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      by("calls").replaceChildren(el("p", { class: "problem" }, error.message));
    }
    book.hidden = false;
    follow();
  },
  closed: () => {
    book.hidden = true;
    by("contents").replaceChildren();
    by("calls").replaceChildren();
  },
});

window.addEventListener("hashchange", follow);

async function fetched() {
  const answer = await fetch("/openapi.json", { headers: bearer() });
  const found = await answer.json();
  if (!answer.ok) throw new Failed(found.message, answer.status, found.error_code);
  return found;
}

/** Open the call that the address names. */
function follow() {
  const call = location.hash && by(decodeURIComponent(location.hash.slice(1)));
  if (!call || call.tagName !== "DETAILS") return;
  call.open = true;
  call.scrollIntoView();
}

function draw(api) {
  const calls = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, call]) => ({ path, method, ...call })),
  );
  const groups = api.tags.map(({ name, description }) => ({
    name,
    description,
    calls: calls.filter(({ tags }) => tags.includes(name)),
  }));
  by("contents").replaceChildren(finder(), ...groups.map(links));
  by("calls").replaceChildren(
    el("p", { class: "about" }, api.info.description),
    ...groups.map((group) => section(group, api)),
  );
}

/** A field that leaves only the calls that hold what is typed. */
function finder() {
  const field = el("input", { id: "find", type: "search", autocomplete: "off" });
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    for (const one of book.querySelectorAll("[data-call]")) {
      one.hidden = !one.dataset.call.includes(wanted);
    }
  });
  return el("div", { class: "field" }, el("label", { for: "find" }, "Find a call"), field);
}

function searched({ path, method, summary }) {
  return `${method} ${path} ${summary}`.toLowerCase();
}

function links({ name, calls }) {
  const lines = calls.map((call) =>
    el(
      "li",
      { "data-call": searched(call) },
      el("a", { href: `#${call.operationId}` }, mark(call.method), call.summary),
    ),
  );
  return [el("h2", {}, name), el("ul", {}, lines)].reduce(
    (group, one) => (group.append(one), group),
    el("div", { class: "group" }),
  );
}

function mark(method) {
  return el("span", { class: `badge method ${METHODS[method]}` }, method.toUpperCase());
}

function section({ name, description, calls }, api) {
  return el(
    "section",
    { "aria-label": name },
    el("h2", {}, name),
    el("p", { class: "note" }, description),
    calls.map((call) => card(call, api)),
  );
}

/** One call; what is inside is made when it is opened. */
function card(call, api) {
  const scope = call.security[0]?.bearer[0];
  const head = el(
    "summary",
    {},
    mark(call.method),
    el("code", {}, call.path),
    el("span", { class: "words" }, call.summary),
    el("span", { class: "scope" }, scope ? `scope ${scope}` : "no token"),
  );
  const made = el("details", { id: call.operationId, "data-call": searched(call) }, head);
  made.addEventListener("toggle", () => {
    if (made.open && made.childElementCount === 1) made.append(inside(call, api));
  });
  return made;
}

function inside(call, api) {
  const body = call.requestBody?.content["application/json"];
  return el(
    "div",
    { class: "inside" },
    call.description.split(/\n\s*\n/).map((words) => el("p", {}, words)),
    trial(call, body && examplesOf(body, api)[0]?.[1]),
    body && el("h3", {}, "Body"),
    body && outline(body.schema, api),
    el("h3", {}, "Answers"),
    Object.entries(call.responses).map(([status, answer]) => response(status, answer, api)),
  );
}

function response(status, answer, api) {
  const [[kind, media]] = Object.entries(answer.content);
  const tone = status < 300 ? "good" : status < 500 ? "warn" : "bad";
  const shown = examplesOf(media, api).map(([name, value]) =>
    el("pre", { tabindex: 0, "aria-label": `Example ${name}` }, text(value)),
  );
  return el(
    "details",
    { class: "answer" },
    el("summary", {}, badge(tone, status), " ", answer.description, " ", small(kind)),
    shown,
    outline(media.schema, api),
  );
}

function small(words) {
  return words === "application/json" ? null : el("small", {}, words);
}

function text(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
