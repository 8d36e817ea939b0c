// Server-Sent Events by fetch: the browser's own EventSource cannot send a token.

import { V1, bearer } from "./api.js";

const QUIET = 40_000; // ms; Ordo says something every 15 s
const LONGEST = 30_000; // ms between two tries

/** Follow the events, the last *past* of them included, from wherever this left off,
 * over every break, until `stop()`. *heard* gets each event, and whether it is one of the
 * past; *state* whether the stream is live, and why it is not. */
export class Stream {
  constructor({ past, heard, state }) {
    this.past = past;
    this.heard = heard;
    this.state = state;
    this.newest = 0; // the last event of before this was asked
    this.last = null;
    this.pause = 2000;
    this.tries = 0;
    this.stopped = new AbortController();
  }

  stop() {
    this.stopped.abort();
  }

  async run() {
    while (!this.stopped.signal.aborted) {
      try {
        if (this.last === null) await this.findPlace();
        await this.read({ begun: () => this.begun() });
        this.state(false, "the stream has ended");
      } catch (error) {
        if (this.stopped.signal.aborted) return;
        this.state(false, error.message);
      }
      await this.wait(Math.min(LONGEST, this.pause * 2 ** this.tries));
      this.tries += 1;
    }
  }

  begun() {
    this.tries = 0;
    this.state(true, "");
  }

  /** The stream says first where it is; this wants to begin so far before that. */
  async findPlace() {
    await this.read({ enough: () => this.last !== null });
    this.newest = Number(this.last);
    this.last = String(Math.max(0, this.newest - this.past));
  }

  /** One connection, until it ends or has brought *enough*. */
  async read({ begun = () => {}, enough = () => false }) {
    const over = new AbortController();
    const signal = AbortSignal.any([this.stopped.signal, over.signal]);
    const headers = bearer();
    if (this.last !== null) headers["Last-Event-ID"] = this.last;
    const late = () => over.abort(new Error("nothing was heard for too long"));
    let timer = setTimeout(late, QUIET);
    try {
      const answer = await fetch(`${V1}/events`, { headers, signal, cache: "no-store" });
      if (!answer.ok) throw new Error(await words(answer));
      begun();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ""; !enough(); ) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(late, QUIET);
        const blocks = (text + value).split("\n\n");
        text = blocks.pop();
        for (const block of blocks) this.take(block);
      }
    } finally {
      clearTimeout(timer);
      over.abort(); // whatever went wrong, the connection is not kept
    }
  }

  take(block) {
    const fields = {};
    for (const line of block.split("\n")) {
      const at = line.indexOf(": ");
      if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
    }
    if (fields.retry) this.pause = Number(fields.retry);
    const event = fields.data && JSON.parse(fields.data);
    const aboutStream = fields.event?.startsWith("stream.");
    if (event && !aboutStream) this.heard(event, event.id <= this.newest);
    if (fields.id) this.last = fields.id; // after it was taken in
  }

  /** Until the time is over or it is stopped, and not in step with everybody else. */
  wait(ms) {
    const { signal } = this.stopped;
    return new Promise((done) => {
      const timer = setTimeout(done, ms * (0.75 + Math.random() / 2));
      signal.addEventListener("abort", () => (clearTimeout(timer), done()));
    });
  }
}

async function words(answer) {
  const envelope = await answer.json().catch(() => ({}));
  return envelope.message ?? `Ordo answered ${answer.status}`;
}
