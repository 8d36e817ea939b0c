// Orders that are open or unknown, kept as they are by asking again for what changed.

import { V1, call, get } from "./api.js";
import { badge, el, moment, number, table } from "./dom.js";

const OPEN = ["unknown", "placed", "acked", "partially_filled"];
const MOST = 200; // of each status
const ONE_BY_ONE = 8; // changed orders; more are asked for by their statuses
const DAY = 86_400_000; // ms in which an order that was not placed is worth a look
const HEADINGS = [
  "Order",
  "Status",
  "Broker",
  "Symbol",
  "Side",
  "Filled / quantity",
  "Type and price",
  "Since",
  "What is known",
];

/** The orders that the page shows: those that are open, and by themselves those that
 * turned out not to be placed in the last day. */
export class Orders {
  constructor() {
    this.open = new Map();
    this.notPlaced = new Map();
    this.changed = new Set();
    this.more = false;
  }

  /** Ask for all of them. */
  async reload() {
    this.changed.clear(); // what changes from here on is noted anew
    const since = new Date(Date.now() - DAY).toISOString();
    const pages = await Promise.all([
      ...OPEN.map((status) => get(`/orders?status=${status}&limit=${MOST}`)),
      get(`/orders?status=not_placed&since=${since}&limit=${MOST}`),
    ]);
    const lost = pages.pop();
    this.more = pages.some((page) => page.next_cursor);
    this.open = byId(pages.flatMap((page) => page.orders));
    this.notPlaced = byId(lost.orders);
  }

  /** Ask for those that changed since. */
  async catchUp() {
    if (this.changed.size > ONE_BY_ONE) return this.reload();
    const ids = [...this.changed];
    this.changed.clear();
    const read = (id) => call("GET", `${V1}/orders/${encodeURIComponent(id)}`);
    const answers = await Promise.all(ids.map(read));
    for (const { data } of answers) this.put(data);
    return undefined;
  }

  put(order) {
    this.open.delete(order.order_id);
    this.notPlaced.delete(order.order_id);
    if (OPEN.includes(order.status)) this.open.set(order.order_id, order);
    if (order.status === "not_placed") this.notPlaced.set(order.order_id, order);
  }

  /** Those of which nobody knows whether they arrived. */
  unknown() {
    return [...this.open.values()].filter(({ status }) => status === "unknown");
  }

  /** The table, unknown ones first, then the newest. *undecided*: why people have to
   * decide on an order, by its id. */
  draw(undecided) {
    const ranked = [...this.open.values()].sort((one, two) => rank(one, two));
    if (!ranked.length) return el("p", { class: "none" }, "No order is open.");
    const rows = ranked.map((order) => row(order, undecided.get(order.order_id)));
    const drawn = table("Open and unknown orders", HEADINGS, rows);
    if (!this.more) return drawn;
    return [drawn, el("p", { class: "note" }, `Of each status the newest ${MOST}.`)];
  }
}

function byId(orders) {
  return new Map(orders.map((order) => [order.order_id, order]));
}

function rank(one, two) {
  const doubt = (two.status === "unknown") - (one.status === "unknown");
  return doubt || (one.order_id < two.order_id ? 1 : -1); // ids sort by time
}

function row(order, undecided) {
  const unknown = order.status === "unknown";
  const kind = unknown ? "bad" : order.status === "placed" ? "warn" : "plain";
  return {
    id: `order-${order.order_id}`,
    class: unknown ? "unknown" : null,
    cells: [
      { of: el("code", {}, order.order_id) },
      { of: badge(kind, order.status.replace("_", " ")) },
      order.broker,
      { of: el("strong", {}, order.symbol) },
      { of: el("span", { class: order.side.toLowerCase() }, order.side) },
      { of: `${number(order.filled_quantity)} / ${number(order.quantity)}`, class: "number" },
      { of: terms(order), class: "number" },
      { of: moment(order.created_at) },
      { of: known(order, undecided), class: "why" },
    ],
  };
}

function terms({ type, price, trigger_price: trigger, sent_as: sent, product }) {
  const told = [type, price === null ? null : number(price)];
  if (trigger !== null) told.push(`trigger ${number(trigger)}`);
  if (sent) told.push(`(sent as ${sent.type} ${number(sent.price)})`);
  return [told.filter(Boolean).join(" "), " ", el("small", {}, product)];
}

function known(order, undecided) {
  if (undecided) return [el("strong", {}, "People have to decide: "), undecided];
  const doubt = order.status === "unknown" ? "it may have arrived; being looked for" : null;
  const words = [
    order.cancel_requested ? "a cancel is asked for" : null,
    order.broker_message ?? order.message ?? doubt,
    order.portfolio_id === null ? null : `portfolio ${order.portfolio_id}`,
    order.note,
  ];
  return words.filter(Boolean).join(" · ");
}
