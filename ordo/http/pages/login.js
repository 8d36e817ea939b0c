// The way into a broker: codes are typed here, the broker's own page opens in a tab.

import { Failed, V1, call } from "./api.js";
import { ask, close } from "./dialog.js";
import { el } from "./dom.js";

const REDIRECT = "redirect_url";
let waiting = null; // the broker whose log-in the dialog shows

/** Log in to *broker*, step by step, until it lets us in or the user has enough. */
export async function logIn(broker) {
  let view = await begin(broker);
  while (view?.state === "challenge") view = await answer(broker, view);
}

/** The first step; where it fails, why, and once more for as long as that is wanted. */
async function begin(broker) {
  const where = `${path(broker)}/login`;
  let view = null;
  try {
    view = await step(where);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    await ask({
      title: `Not logged in to ${broker}`,
      about: [el("p", {}, error.message)],
      button: "Try again",
      submit: async () => (view = await step(where)),
    });
  }
  return view;
}

/** A session became active by itself: the broker's page came back to Ordo. */
export function loggedIn(broker) {
  if (waiting === broker) close();
}

function path(broker) {
  return `${V1}/sessions/${encodeURIComponent(broker)}`;
}

/** Take a step; a broker's no is thrown in its own words. */
async function step(where, body) {
  const { status, data, results } = await call("POST", where, body);
  if (status !== "error") return data;
  const { message, broker_message, error_code } = results[0];
  throw new Failed(broker_message ?? message ?? error_code);
}

/** What the user made of a challenge: the next step, or null for none. */
async function answer(broker, view) {
  let next = null;
  const page = pageOf(view);
  if (page) window.open(page, "_blank", "noopener");
  waiting = broker;
  await ask({
    title: `Log in to ${broker}`,
    about: [el("p", {}, view.prompt ?? ""), page ? way(page) : null],
    fields: fieldsOf(view),
    button: page ? "Use the pasted address" : "Log in",
    submit: async (values) => {
      const body = { challenge_id: view.challenge_id, ...answersOf(values) };
      next = await step(`${path(broker)}/verify`, body);
    },
  });
  waiting = null;
  return next;
}

/** The address of the broker's page, where it is one that may be opened. */
function pageOf(view) {
  if (!view.login_url) return null;
  const { protocol, href } = new URL(view.login_url);
  return protocol === "https:" || protocol === "http:" ? href : null;
}

function way(page) {
  const link = { href: page, target: "_blank", rel: "noopener noreferrer" };
  return el(
    "div",
    {},
    el("p", {}, el("a", { ...link, class: "button" }, "Open the broker's page")),
    el("p", {}, "It comes back to Ordo by itself, and this closes then."),
  );
}

function fieldsOf(view) {
  const asked = view.fields.map(({ name, label, secret }) => ({
    name,
    label,
    kind: secret ? "password" : "text",
    required: true,
    inputmode: name === "otp" || name === "totp" ? "numeric" : null,
    autocomplete: name === "otp" ? "one-time-code" : "off",
  }));
  if (view.kind !== "redirect" || asked.some(({ name }) => name === REDIRECT)) return asked;
  const note = "Only where it cannot come back: paste the whole address it led to.";
  return [...asked, { name: REDIRECT, label: "Address", required: true, note }];
}

function answersOf({ [REDIRECT]: redirect, ...fields }) {
  return redirect === undefined ? { fields } : { fields, [REDIRECT]: redirect };
}
