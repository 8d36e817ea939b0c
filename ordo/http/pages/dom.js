// Elements out of values. Every value becomes text by the DOM itself, never markup.

/** An element: `el("td", {class: "name", onclick: f}, "text", other)`. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat(9).filter((child) => child !== null && child !== undefined));
  return made;
}

/** Make *old*'s children those of *fresh*, touching only what differs: focus, selection
 * and scrolling stay where they are. An element with an id is the same one as before. */
export function show(old, ...fresh) {
  const wanted = fresh.flat(9).filter((child) => child !== null && child !== undefined);
  let place = old.firstChild;
  for (let child of wanted) {
    if (typeof child === "string") child = document.createTextNode(child);
    const twin = child.id && [...old.children].find((one) => one.id === child.id);
    if (twin && twin !== place) old.insertBefore(twin, place);
    else if (!twin && (!place || !alike(place, child))) {
      old.insertBefore(child, place);
      continue;
    }
    const same = twin || place;
    place = same.nextSibling;
    morph(same, child);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function alike(old, fresh) {
  return old.nodeName === fresh.nodeName && (old.id || "") === (fresh.id || "");
}

function morph(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  show(old, [...fresh.childNodes]);
}

/** Run the action that the clicked button names: `data-do`, with its `data-` values.
 * Listeners stay on *root*, so that what `show` draws needs none. */
export function actions(root, table) {
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button && table[button.dataset.do]) table[button.dataset.do](button.dataset);
  });
}

/** A table with a caption for those who cannot see it, and each cell's heading for
 * narrow screens, where the rows become blocks. *rows*, at least one: {id, class, cells}. */
export function table(caption, headings, rows) {
  const kinds = rows[0].cells.map((cell) => (cell.class === "number" ? "number" : null));
  const head = headings.map((words, at) => el("th", { scope: "col", class: kinds[at] }, words));
  const body = rows.map((row) =>
    el(
      "tr",
      { id: row.id, class: row.class },
      row.cells.map((cell, at) => {
        const attributes = { "data-label": headings[at], class: cell.class };
        const tag = at === 0 ? "th" : "td";
        if (at === 0) attributes.scope = "row";
        return el(tag, attributes, el("div", {}, cell.of ?? cell));
      }),
    ),
  );
  return el(
    "table",
    {},
    el("caption", { class: "unseen" }, caption),
    el("thead", {}, el("tr", {}, head)),
    el("tbody", {}, body),
  );
}

/** A word in a coloured frame; the colour is never all that tells. */
export function badge(kind, words) {
  return el("span", { class: `badge ${kind}` }, words);
}

/** A moment as a time of the day, the date too where it is not today's; in full in its
 * title. */
export function moment(stamp) {
  if (!stamp) return el("span", { class: "none" }, "–");
  const at = new Date(stamp);
  const today = at.toDateString() === new Date().toDateString();
  const words = at.toLocaleTimeString("en-GB");
  const day = at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  const text = today ? words : `${day} ${words.slice(0, 5)}`;
  return el("time", { datetime: stamp, title: stamp }, text);
}

const NUMBERS = new Intl.NumberFormat("en-IN", { maximumFractionDigits: 4 });

/** A number with its digits grouped as in India; a dash for none. */
export function number(value) {
  if (value === null || value === undefined || value === "") return "–";
  return NUMBERS.format(value);
}

/** "1 order", "2 orders". */
export function count(many, one) {
  return `${many} ${one}${many === 1 ? "" : "s"}`;
}
