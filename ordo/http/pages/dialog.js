// One dialog at a time: what is about to happen, what is asked for, and why it failed.

import { Failed } from "./api.js";
import { el } from "./dom.js";

const dialog = document.getElementById("dialog");

/** Show a form and run *submit* with its fields' values, by their names, until that
 * throws no `Failed`. *danger* paints the button red. Gives whether it was submitted. */
export function ask({ title, about = [], fields = [], button, danger, submit }) {
  const problem = el("p", { class: "problem", role: "alert" });
  const go = el("button", { type: "submit", class: danger ? "danger" : null }, button);
  const cancel = el("button", { type: "button", class: "quiet" }, "Cancel");
  const form = el(
    "form",
    {},
    el("h2", { id: "dialog-title" }, title),
    about,
    fields.map((field) => rowOf(field)),
    problem,
    el("div", { class: "buttons" }, cancel, go),
  );
  return new Promise((done) => {
    let submitted = false;
    cancel.addEventListener("click", () => dialog.close());
    dialog.onclose = () => {
      form.remove(); // with all that was typed
      done(submitted);
    };
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      problem.textContent = "";
      go.disabled = true;
      try {
        await submit(valuesOf(form));
        submitted = true;
        if (form.isConnected) dialog.close();
      } catch (error) {
        if (!(error instanceof Failed)) throw error;
        problem.textContent = error.message;
      } finally {
        go.disabled = false;
      }
    });
    dialog.replaceChildren(form);
    if (!dialog.open) dialog.showModal();
    (form.querySelector("input, textarea") ?? cancel).focus();
  });
}

/** End it, as by Cancel. */
export function close() {
  dialog.close();
}

function rowOf({ name, label, kind = "text", note, ...more }) {
  const id = `field-${name}`;
  const noteId = note ? `${id}-note` : null;
  const input = el("input", {
    id,
    name,
    type: kind,
    "aria-describedby": noteId,
    autocomplete: "off",
    ...more,
  });
  const words = el("label", { for: id }, label);
  const told = note ? el("p", { class: "note", id: noteId }, note) : null;
  if (kind === "checkbox") return el("div", { class: "tick" }, input, words, told);
  return el("div", { class: "field" }, words, input, told);
}

function valuesOf(form) {
  const inputs = [...form.querySelectorAll("input")];
  return Object.fromEntries(
    inputs.map((one) => [one.name, one.type === "checkbox" ? one.checked : one.value]),
  );
}
