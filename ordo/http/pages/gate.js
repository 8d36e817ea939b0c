// The field for the token, shown as long as there is none.

import { Failed, call, keep, onRefusal, token } from "./api.js";
import { el } from "./dom.js";

const SANE = /^[!-~]{1,512}$/;

/** Ask for a token in *place* until Ordo knows it. *opened* runs then, *closed* when
 * it is forgotten or refused. */
export function guard(place, forget, { opened, closed }) {
  const open = () => {
    place.replaceChildren();
    forget.hidden = false;
    opened();
  };
  const shut = (words) => {
    if (token() === null && place.childElementCount) return;
    keep(null);
    forget.hidden = true;
    closed();
    ask(place, words, open);
  };
  forget.addEventListener("click", () => shut(""));
  onRefusal(shut);
  if (token()) open();
  else ask(place, "", open);
}

function ask(place, words, open) {
  const field = el("input", {
    id: "token",
    type: "password",
    required: true,
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": "token-why token-note",
  });
  const why = el("p", { id: "token-why", class: "problem", role: "alert" }, words);
  const button = el("button", { type: "submit" }, "Log in");
  const form = el(
    "form",
    { class: "gate" },
    el("h2", {}, "Log in"),
    el("label", { for: "token" }, "Token"),
    el("div", { class: "row" }, field, button),
    why,
    el(
      "p",
      { id: "token-note", class: "note" },
      "This tab keeps it until it is closed, and nothing else does. New ones come of ",
      el("code", {}, "ordo token new"),
      ".",
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    why.textContent = await refusal(field.value.trim());
    button.disabled = false;
    if (why.textContent === "") open();
    else field.focus();
  });
  place.replaceChildren(form);
  field.focus();
}

/** Why this token will not do; nothing where it will. */
async function refusal(text) {
  if (!SANE.test(text)) return "A token is letters, digits and signs, without blanks.";
  keep(text);
  try {
    await call("GET", "/api/v1/sessions");
    return "";
  } catch (error) {
    keep(null);
    if (!(error instanceof Failed)) throw error;
    return error.message;
  }
}
