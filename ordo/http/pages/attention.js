// What somebody has to look at, worst first, in words that say what is the matter.

import { badge, count, el, moment } from "./dom.js";

/** The list, of what the page knows: `status`, `sessions`, `orders`, `undecided`. */
export function attention({ status, sessions, orders, undecided }) {
  const found = [
    ...ofOrdo(status),
    ...ofOrders(orders, undecided),
    ...status.brokers.flatMap((broker) => ofBroker(broker, sessions)),
    ...(status.masters ?? []).flatMap(ofMaster),
  ];
  if (!found.length) return el("p", { class: "none" }, "Nothing.");
  found.sort((one, two) => (one.kind === "bad" ? 0 : 1) - (two.kind === "bad" ? 0 : 1));
  const lines = found.map(({ kind, what, words }) =>
    el("li", { class: kind }, badge(kind, what), el("span", {}, words)),
  );
  return el("ul", { class: "lines" }, lines);
}

function bad(what, ...words) {
  return { kind: "bad", what, words };
}

function warn(what, ...words) {
  return { kind: "warn", what, words };
}

function ofOrdo(status) {
  const found = [];
  if (!status.store.ok) {
    const why = status.store.failure ?? "no more is known";
    found.push(bad("store", `No new order is accepted until it is back: ${why}`));
  }
  if (status.stopping) found.push(warn("Ordo", "It is stopping; no new order is taken."));
  return found;
}

function ofOrders(orders, undecided) {
  const found = [];
  const unknown = orders.unknown();
  if (unknown.length) {
    const they = unknown.length === 1 ? "It is" : "They are";
    const words = `may have arrived. ${they} looked for in the book, and never sent again.`;
    found.push(bad("unknown", `${count(unknown.length, "order")} ${words}`));
  }
  for (const [id, why] of undecided) {
    const words = `${id}: its fate cannot be found out, people have to decide: ${why}`;
    found.push(bad("undecided", words));
  }
  for (const order of orders.notPlaced.values()) {
    const words = `${order.order_id}, ${order.symbol}: ${order.broker} was asked long enough and does not have it`;
    found.push(warn("not placed", words));
  }
  return found;
}

function ofBroker(broker, sessions) {
  const { broker: name, connection, breaker, egress } = broker;
  const found = [];
  if (connection === "login_required") {
    const why = sessions.find((session) => session.broker === name)?.reason;
    found.push(bad(name, `It wants a log-in${why ? `: ${why}` : ""}.`));
  }
  if (connection === "down") {
    const why = breaker ? `its breaker is ${breaker}` : "its actor does not answer";
    found.push(bad(name, `It is down: ${why}.`));
  }
  if (connection === "degraded") found.push(warn(name, degraded(broker)));
  if (broker.breaker_forced) found.push(warn(name, `Its breaker is forced ${breaker}.`));
  if (egress?.state === "mismatch") {
    const words = `Its orders would leave from ${egress.found}, not from ${egress.wanted}: they are refused.`;
    found.push(bad(name, words));
  }
  if (egress?.error) {
    found.push(bad(name, "The look at its way out failed: ", egress.error, ", last seen ", moment(egress.checked_at)));
  } else if (egress?.state === "unchecked") {
    found.push(warn(name, "Its way out has not been looked at yet; no order goes."));
  }
  const pause = broker.rate_limit?.paused_for ?? 0;
  if (pause > 0) found.push(warn(name, `It asked for a pause: ${pause.toFixed(0)} s to go.`));
  return found;
}

function degraded(broker) {
  if (broker.breaker === "HALF-OPEN") return "Its breaker tries whether it is back.";
  if (broker.recovering) return "Its book is looked at; no new order goes before that has succeeded.";
  return "The last call, or the last look at its book, failed.";
}

function ofMaster({ adapter, error, stale }) {
  if (error) return [warn(adapter, `Its instruments could not be fetched: ${error}`)];
  return stale ? [warn(adapter, "Its instruments are not this morning's.")] : [];
}
