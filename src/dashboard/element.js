/** Elements: found in the page's markup, or made. */

const SVG = "http://www.w3.org/2000/svg";

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

/**
 * The element that has this id in the page.
 *
 * @param {string} id
 */
export const byId = (id) => elementOf(`#${id}`, HTMLElement);

/**
 * An SVG element with attributes and children.
 *
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string | number>} attributes
 * @param {(Node | string)[]} children
 */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [each, value] of Object.entries(attributes)) element.setAttribute(each, String(value));
  element.append(...children);
  return element;
}

/**
 * An HTML element; text is never taken for markup.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Partial<HTMLElementTagNameMap[Name]>} properties
 * @param {(Node | string)[]} children
 */
export function html(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}
