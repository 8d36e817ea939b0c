// Calls of Ordo's API under the token that was typed in, which this tab alone keeps.

const PLACE = "ordo.token";
export const V1 = "/api/v1";
const SECONDS = 75; // the longest deadline of a call is a minute

let whenRefused = () => {};

/** The token of this tab, or null. */
export function token() {
  return sessionStorage.getItem(PLACE);
}

/** Keep a token for as long as this tab is open; null forgets it. */
export function keep(text) {
  if (text === null) sessionStorage.removeItem(PLACE);
  else sessionStorage.setItem(PLACE, text);
}

/** *then* is told, in words, when Ordo does not know the token (any more). */
export function onRefusal(then) {
  whenRefused = then;
}

/** A call that came to nothing, in words for people; `status` is 0 where nobody
 * answered, so that a change may or may not have been made. */
export class Failed extends Error {
  constructor(message, status = 0, code = null) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Headers that name the caller. */
export function bearer() {
  return { Authorization: `Bearer ${token()}` };
}

/** Call, and give the envelope. Throws `Failed` for a global error. */
export async function call(method, path, body) {
  const headers = bearer();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method, headers, signal: AbortSignal.timeout(SECONDS * 1000) };
  if (body !== undefined) options.body = JSON.stringify(body);
  let answer;
  let envelope;
  try {
    answer = await fetch(path, options);
    envelope = await answer.json();
  } catch (error) {
    throw new Failed(`Ordo does not answer: ${error.message}`);
  }
  if (answer.ok) return envelope;
  const words = `${envelope.message} (${envelope.error_code}, ${answer.status})`;
  if (answer.status === 401) whenRefused(words);
  throw new Failed(words, answer.status, envelope.error_code);
}

/** A read: the envelope's `data`. */
export async function get(path) {
  return (await call("GET", V1 + path)).data;
}
