// The kill-switch: how it stands, shown large where it is engaged, and its two turns.

import { Failed, V1, call } from "./api.js";
import { ask } from "./dialog.js";
import { count, el, moment } from "./dom.js";

const PATH = `${V1}/kill-switch`;

/** The panel, drawn of the answer of `GET /kill-switch`. */
export function panel(view) {
  return view.engaged ? halted(view) : trading();
}

function trading() {
  return [
    el(
      "div",
      { class: "line" },
      el("h2", { id: "switch-title" }, el("span", { class: "dot good" }), "Trading is on"),
      el("span", { class: "grow" }),
      el("button", { type: "button", class: "danger", "data-do": "halt" }, "Halt trading…"),
    ),
  ];
}

function halted(view) {
  return [
    el(
      "div",
      { class: "halted" },
      el("h2", { id: "switch-title" }, "Trading is halted"),
      el("p", { class: "reason" }, view.reason ?? "no reason given"),
      el("p", {}, "since ", moment(view.since), ` by ${view.by ?? "nobody known"}`),
      doing(view),
      el("button", { type: "button", "data-do": "release" }, "Release…"),
    ),
  ];
}

/** What the halt wants done besides, and how far that is. */
function doing(view) {
  const { cancels, closes, brokers } = view.progress;
  const failures = brokers.flatMap((one) =>
    one.failures.map((words) => `${one.broker}: ${words}`),
  );
  const left = view.on_the_wire.length;
  const lines = [
    left && `${count(left, "order")} had left before: ${view.on_the_wire.join(", ")}`,
    view.cancel_open && `Cancels of open orders: ${counted(cancels)}`,
    view.close_positions && `Positions closed: ${counted(closes)}`,
    ...failures,
  ];
  const shown = lines.filter(Boolean).map((words) => el("li", {}, words));
  return shown.length ? el("ul", {}, shown) : null;
}

function counted({ wanted, done, failed }) {
  return `${done} of ${wanted} done${failed ? `, ${failed} FAILED` : ""}`;
}

/** Ask for a reason and halt; *turned* gets what the switch says then. */
export function halt(turned) {
  return ask({
    title: "Halt trading",
    about: [
      el("p", {}, "No new order leaves for any broker after this. Cancels always pass."),
    ],
    fields: [
      { name: "reason", label: "Reason", required: true, maxlength: 256 },
      { name: "cancel_open", label: "Cancel all open orders", kind: "checkbox" },
      { name: "close_positions", label: "Close all positions", kind: "checkbox" },
    ],
    button: "Halt trading now",
    danger: true,
    submit: (values) => turn({ engaged: true, ...values }, turned),
  });
}

/** Make sure, and release. */
export function release(view, turned) {
  return ask({
    title: "Release the kill-switch",
    about: [
      el("p", {}, "Halted for: ", el("strong", {}, view.reason ?? "no reason given")),
      el("p", {}, "Orders go to the brokers again as soon as it is released."),
    ],
    fields: [{ name: "reason", label: "Why it may go on", maxlength: 256 }],
    button: "Release and trade on",
    submit: ({ reason }) => turn({ engaged: false, reason: reason || null }, turned),
  });
}

async function turn(body, turned) {
  try {
    turned((await call("PUT", PATH, body)).data);
  } catch (error) {
    if (!(error instanceof Failed) || error.status !== 0) throw error;
    const words = "It is not known whether it turned: look at the page, and try again.";
    throw new Failed(`${error.message}. ${words}`);
  }
}
