/** The form that clears the cache, and the question before it. */

import { elementOf } from "./element.js";
import { count } from "./format.js";

/** @typedef {"all" | "prefix" | "key"} ClearKind what the form has to choose from */

const form = elementOf("#clear", HTMLFormElement);
const input = elementOf("#clear [name=path]", HTMLInputElement);
const output = elementOf("#clear output", HTMLOutputElement);
const dialog = elementOf("#confirm", HTMLDialogElement);
const question = elementOf("#confirm p", HTMLParagraphElement);

const chosenKind = () => /** @type {ClearKind} */ (new FormData(form).get("kind"));

/** From now on the form does what it says. */
export function startClearing() {
  form.addEventListener("change", () => {
    input.disabled = chosenKind() === "all";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const kind = chosenKind();
    const path = input.value;
    const what = { all: "everything", prefix: `all that begins with "${path}"`, key: `"${path}"` }[kind];
    question.textContent = `Clear ${what} from the cache? It is fetched from S3 again when it is asked for.`;
    dialog.returnValue = "no";
    dialog.onclose = () => {
      if (dialog.returnValue === "yes") clear(kind, path, what);
    };
    dialog.showModal();
  });
}

/**
 * @param {ClearKind} kind
 * @param {string} path
 * @param {string} what the same in words
 */
async function clear(kind, path, what) {
  output.textContent = "Clearing…";
  try {
    const query = kind === "all" ? "" : `?${kind}=${encodeURIComponent(path)}`;
    const response = await fetch(`/_proxy/dashboard/clear${query}`, { method: "POST" });
    const { cleared, othersTold, error } = await response.json();
    const objects = cleared === 1 ? "1 object" : `${count.format(cleared)} objects`;
    const others = othersTold === false ? ". Other nodes could not be told" : "";
    output.textContent = response.ok ? `Cleared ${what}: ${objects}${others}` : error;
  } catch (error) {
    output.textContent = `The proxy could not be asked: ${/** @type {Error} */ (error).message}`;
  }
}
