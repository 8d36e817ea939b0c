// The brokers: how each can be reached, who is logged in, what may still be sent.

import { badge, el, moment, number, table } from "./dom.js";

const KINDS = { connected: "good", degraded: "warn", down: "bad", login_required: "bad" };
const HEADINGS = [
  "Broker",
  "Connection",
  "Session",
  "Breaker",
  "Rate headroom",
  "Queue",
  "On the wire",
  "Open",
  "Unknown",
  "Last call",
];

/** The table, of the answers of `GET /status` and `GET /sessions`. */
export function brokers(status, sessions) {
  const byName = new Map(sessions.map((session) => [session.broker, session]));
  const rows = status.brokers.map((broker) => row(broker, byName.get(broker.broker)));
  if (!rows.length) return el("p", { class: "none" }, "No broker is configured.");
  return table("Brokers and their sessions", HEADINGS, rows);
}

function row(broker, session) {
  return {
    id: `broker-${broker.broker}`,
    cells: [
      { of: [el("strong", {}, broker.broker), " ", small(broker.adapter)] },
      { of: connection(broker) },
      { of: sessionOf(broker, session) },
      { of: breaker(broker) },
      { of: headroom(broker.rate_limit), class: "rates" },
      { of: number(broker.queue_depth), class: "number" },
      { of: number(broker.on_the_wire), class: "number" },
      { of: number(broker.open_orders), class: "number" },
      { of: unknown(broker.unknown_orders), class: "number" },
      { of: moment(broker.last_call_at) },
    ],
  };
}

function small(words) {
  return el("small", {}, words ?? "");
}

function connection(broker) {
  const words = broker.connection.replace("_", " ");
  const state = badge(KINDS[broker.connection], words);
  return broker.recovering ? [state, " ", badge("warn", "recovering")] : state;
}

function sessionOf(broker, session) {
  const state = session?.state ?? broker.session;
  if (state === "active") {
    const until = session?.expires_at ?? broker.session_expires_at;
    return until ? ["until ", moment(until)] : "active";
  }
  return [
    badge("bad", (state ?? "not known").replace("_", " ")),
    " ",
    el(
      "button",
      {
        type: "button",
        class: "small",
        "data-do": "login",
        "data-broker": broker.broker,
        "aria-label": `Log in to ${broker.broker}`,
      },
      "Log in…",
    ),
    session?.reason ? el("div", { class: "why" }, session.reason) : null,
  ];
}

function breaker({ breaker: state, breaker_forced: forced }) {
  if (!state) return "–";
  const kind = { CLOSED: "good", OPEN: "bad" }[state] ?? "warn";
  return [badge(kind, state), forced ? " forced" : null];
}

/** What is left in each window, as words and as a bar. */
function headroom(limit) {
  if (!limit) return "–";
  const windows = limit.windows.map(({ counts, seconds, limit: most, used }) => {
    const left = Math.max(0, most - used);
    const words = `${number(left)} of ${number(most)}`;
    const name = `${counts === "all" ? "" : `${counts} `}per ${span(seconds)}`;
    return el(
      "div",
      { class: "rate" },
      el("meter", {
        min: 0,
        max: most,
        low: most / 10,
        high: most / 4,
        optimum: most,
        value: left,
        "aria-label": `${words} left ${name}`,
      }),
      el("span", {}, words, " ", el("small", {}, name)),
    );
  });
  const pause = limit.paused_for > 0 && badge("warn", `paused ${limit.paused_for.toFixed(0)} s`);
  return [windows, pause || null];
}

function span(seconds) {
  const names = { 1: "s", 60: "min", 3600: "h", 86400: "day" };
  return names[seconds] ?? `${seconds} s`;
}

function unknown(many) {
  return many ? badge("bad", number(many)) : number(many);
}
