// The operations page: asks how Ordo does, follows the events, and draws both.

import { Failed, get } from "./api.js";
import { Activity } from "./activity.js";
import { attention } from "./attention.js";
import { brokers } from "./brokers.js";
import { actions, el, show } from "./dom.js";
import { guard } from "./gate.js";
import { logIn, loggedIn } from "./login.js";
import { Orders } from "./orders.js";
import { Stream } from "./stream.js";
import { halt, panel, release } from "./switch.js";

const EVERY = 5000; // ms between two looks at what no event tells of
const GATHER = 120; // ms to let events gather: one answer then tells of many
const PAST = 60; // events of before that are shown

const DECIDED = /^order\.(acked|partially_filled|filled|cancelled|rejected|not_placed)$/;

const by = (id) => document.getElementById(id);
const desk = by("desk");
const shown = document.title;
let world = null; // all that is known, while somebody is logged in

class World {
  constructor() {
    this.orders = new Orders();
    this.activity = new Activity();
    this.undecided = new Map();
    this.status = this.switch = this.sessions = null;
    this.wanted = new Set(["desk", "orders"]);
    this.turns = 0;
    this.asking = this.timer = null;
    this.seen = null; // when Ordo last answered
    this.problem = "";
    this.stream = new Stream({
      past: PAST,
      heard: (event, old) => this.heard(event, old),
      state: (live, why) => this.linked(live, why),
    });
  }

  begin() {
    this.poll = setInterval(() => document.hidden || this.want("desk"), EVERY);
    this.refresh();
    this.stream.run();
  }

  end() {
    clearInterval(this.poll);
    clearTimeout(this.timer);
    this.stream.stop();
  }

  heard(event, old) {
    this.activity.add(event);
    if (event.type === "order.undecided") this.undecided.set(event.order_id, event.data.cause);
    else if (DECIDED.test(event.type)) this.undecided.delete(event.order_id);
    if (old) return this.want();
    if (event.type === "session.active") loggedIn(event.broker);
    if (event.order_id) this.orders.changed.add(event.order_id);
    else this.want("desk");
    speak(event);
    return this.want("changes");
  }

  linked(live, why) {
    const told = live
      ? [el("span", { class: "dot good" }), el("span", { class: "live" }, "live")]
      : [el("span", { class: "dot bad" }), `no events: ${why}`];
    show(by("link"), told);
    this.want("desk", "orders"); // what was missed shows in how things stand
  }

  /** Ask for these soon, and draw. */
  want(...what) {
    for (const one of what) this.wanted.add(one);
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.refresh();
    }, GATHER);
  }

  /** Ask for what is wanted, one round at a time. */
  async refresh() {
    if (this.asking) return;
    const wanted = this.wanted;
    this.wanted = new Set();
    this.asking = this.ask(wanted);
    try {
      await this.asking;
    } finally {
      this.asking = null;
    }
    if (world === this) this.draw();
    // After a failure the next look takes along what is still wanted.
    if (world === this && this.wanted.size && !this.problem) this.want();
  }

  async ask(wanted) {
    try {
      if (wanted.has("orders")) await this.orders.reload();
      else if (wanted.has("changes")) await this.orders.catchUp();
      if (wanted.has("desk")) await this.look();
      this.seen = new Date();
      this.problem = "";
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      this.problem = error.message;
      if (wanted.has("orders") || wanted.has("changes")) this.wanted.add("orders");
    }
  }

  async look() {
    const { turns } = this;
    const [status, view, listed] = await Promise.all([
      get("/status"),
      get("/kill-switch"),
      get("/sessions"),
    ]);
    this.status = status;
    if (turns === this.turns) this.switch = view; // else it is of before the turn
    this.sessions = listed.sessions;
  }

  turned(view) {
    this.turns += 1;
    this.switch = view;
    this.want("desk", "orders");
    this.draw();
  }

  draw() {
    const at = this.seen?.toLocaleTimeString("en-GB") ?? "no time";
    by("stale").hidden = this.problem === "";
    const words = `${this.problem}. What is shown here is of ${at}.`;
    if (this.problem) show(by("stale"), words);
    if (!this.status) return;
    show(by("switch"), panel(this.switch));
    show(by("attention"), attention(this));
    show(by("brokers"), brokers(this.status, this.sessions));
    show(by("orders"), this.orders.draw(this.undecided));
    show(by("events"), this.activity.draw());
    desk.classList.toggle("halt", this.switch.engaged);
    document.title = this.switch.engaged ? `HALTED · ${shown}` : shown;
    desk.hidden = false;
  }
}

const SPOKEN = {
  "kill_switch.engaged": () => "Trading is halted",
  "kill_switch.released": () => "Trading is on again",
  "order.unknown": ({ order_id: id }) => `Order ${id} is unknown`,
  "order.undecided": ({ order_id: id }) => `People have to decide on order ${id}`,
  "session.expired": ({ broker }) => `The session with ${broker} has ended`,
  "session.active": ({ broker }) => `${broker} is logged in`,
  "breaker.changed": ({ broker, data }) => `The breaker of ${broker} is ${data.to}`,
};

/** To a screen reader: only what changes what may be done. */
function speak(event) {
  const words = SPOKEN[event.type]?.(event);
  if (words) by("spoken").textContent = words;
}

actions(desk, {
  halt: () => halt((view) => world.turned(view)),
  release: () => release(world.switch, (view) => world.turned(view)),
  login: ({ broker }) => login(broker),
});

async function login(broker) {
  await logIn(broker);
  world?.want("desk");
}

/** A fault of the page's own: what it shows from here on may be old, and it says so. */
function broken(error) {
  if (!world) return;
  world.problem = `This page has a fault, load it again (${error?.message ?? error})`;
  by("stale").hidden = false;
  show(by("stale"), world.problem);
}

window.addEventListener("error", ({ error }) => broken(error));
window.addEventListener("unhandledrejection", ({ reason }) => broken(reason));

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) world?.want("desk");
});

guard(by("gate"), by("forget"), {
  opened: () => {
    world = new World();
    world.begin();
  },
  closed: () => {
    world?.end();
    world = null;
    desk.hidden = by("stale").hidden = true;
    show(by("link"));
  },
});
