// What happened, newest first: each event in a line.

import { el, moment, number } from "./dom.js";

const MOST = 200;

/** The last events. */
export class Activity {
  constructor() {
    this.events = [];
  }

  add(event) {
    if (this.events.length && event.id <= this.events[0].id) return; // told before
    this.events.unshift(event);
    this.events.length = Math.min(this.events.length, MOST);
  }

  draw() {
    if (!this.events.length) return el("p", { class: "none" }, "None yet.");
    const lines = this.events.map((event) =>
      el(
        "li",
        { id: `event-${event.id}`, class: kindOf(event.type) },
        moment(event.at),
        " ",
        el("strong", {}, event.type),
        " ",
        el("span", {}, [event.broker, ...told(event)].filter(Boolean).join(" · ")),
      ),
    );
    return el("ol", { class: "log" }, lines);
  }
}

const BAD = /^(order\.(unknown|undecided|not_placed)|kill_switch\.engaged|session\.expired)$/;
const WARN = /^(order\.(rejected|denied|resting)|breaker\.|egress\.mismatch|store\.)/;

function kindOf(type) {
  if (BAD.test(type)) return "bad";
  return WARN.test(type) ? "warn" : null;
}

function told({ type, data, order_id: id, by }) {
  const order = [data.side, data.quantity && number(data.quantity), data.symbol];
  const fill = data.fill_quantity && `filled ${number(data.fill_quantity)} at ${number(data.fill_price)}`;
  const turn = data.to && `${data.from ?? ""} → ${data.to}`;
  const why = data.reason ?? data.cause ?? data.error_code;
  const who = type.startsWith("kill_switch.") ? `by ${by}` : null;
  return [order.filter(Boolean).join(" "), fill, turn, why, who, id];
}
