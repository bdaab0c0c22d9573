/** The parts that the page's markup has. */

/**
 * The first that a selector finds; one that isn't there, or is another kind of element, is a mistake in the page.
 *
 * @template {HTMLElement} Kind
 * @param {string} selector
 * @param {new () => Kind} kind
 */
export function elementOf(selector, kind) {
  const found = document.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`The page has no ${kind.name} "${selector}"`);
  return found;
}
