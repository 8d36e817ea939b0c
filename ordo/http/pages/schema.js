// JSON schemas in words: what a value may be, and a tree of the fields of an object.

import { el } from "./dom.js";

const DEEPEST = 6;

/** What a reference points at; anything else as it is. */
export function resolve(value, api) {
  if (!value?.$ref) return value;
  return value.$ref
    .slice(2)
    .split("/")
    .reduce((found, part) => found[part], api);
}

/** The examples of a body or an answer: [name, value] each. */
export function examplesOf(media, api) {
  if (media.example !== undefined) return [["", media.example]];
  const named = Object.entries(media.examples ?? {});
  return named.map(([name, example]) => [name, resolve(example, api).value]);
}

/** The fields of a schema, as a tree; nothing where it has none. */
export function outline(schema, api, depth = 0) {
  const { fields, needed } = fieldsOf(schema, api);
  const names = Object.keys(fields);
  if (!names.length || depth > DEEPEST) return null;
  const lines = names.map((name) => {
    const field = fields[name];
    return el(
      "li",
      {},
      el("code", {}, name),
      " ",
      el("small", {}, kindOf(field, api), needed.has(name) ? ", required" : ""),
      outline(itemOf(field, api), api, depth + 1),
    );
  });
  return el("ul", { class: "fields" }, lines);
}

/** All fields of an object: its own, and those of what it is made of. */
function fieldsOf(schema, api) {
  const whole = resolve(schema, api) ?? {};
  const parts = [...(whole.allOf ?? []), ...objectsAmong(whole, api)];
  const inner = parts.map((part) => fieldsOf(part, api));
  const fields = Object.assign({}, ...inner.map((one) => one.fields), whole.properties);
  const needed = new Set(inner.flatMap((one) => [...one.needed]));
  for (const name of whole.required ?? []) needed.add(name);
  return { fields, needed };
}

/** Of alternatives, those that are objects. */
function objectsAmong(whole, api) {
  const some = (whole.anyOf ?? []).filter((one) => resolve(one, api).properties);
  return some.slice(0, 1);
}

/** What a list holds, and anything else itself. */
function itemOf(field, api) {
  const whole = resolve(field, api);
  const list = whole.items ? whole : (whole.anyOf ?? []).find((one) => one.items);
  return list ? itemOf(list.items, api) : field;
}

/** A schema in some words: "number or null", "list of OrderBody". */
export function kindOf(field, api) {
  const name = field.$ref?.split("/").pop();
  const whole = resolve(field, api);
  if (whole.enum) return whole.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (whole.anyOf) return whole.anyOf.map((one) => kindOf(one, api)).join(" or ");
  if (whole.items) return `list of ${kindOf(whole.items, api)}`;
  if (name) return name;
  const kind = [whole.type ?? "any"].flat().join(" or ");
  return [whole.format ?? kind, ...bounds(whole)].join(", ");
}

function bounds({ minimum, maximum, minLength, maxLength, pattern, default: usual }) {
  return [
    minimum !== undefined && `from ${minimum}`,
    maximum !== undefined && `to ${maximum}`,
    minLength > 1 && `at least ${minLength} characters`,
    maxLength !== undefined && `at most ${maxLength} characters`,
    pattern && `like ${pattern}`,
    usual !== undefined && usual !== null && `default ${JSON.stringify(usual)}`,
  ].filter(Boolean);
}
