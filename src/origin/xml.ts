/** S3's XML documents: what is read of one is text, and nothing of it is trusted to be there. */

import { XML } from "bun";

/** An element with children, by their names; several of one name are a list. */
export type XmlElement = Readonly<Record<string, unknown>>;

/** A document's root, or an element without children where the document isn't XML or has another root. */
export function rootElement(xml: string, name: string): XmlElement {
  try {
    return asElement((XML.parse(xml) as XmlElement)[name]) ?? {};
  } catch {
    return {};
  }
}

/** The children of a name that have children themselves. */
export function elementsOf(parent: XmlElement, name: string): XmlElement[] {
  const found = parent[name];
  const list = Array.isArray(found) ? found : [found];
  return list.map(asElement).filter((child) => child !== undefined);
}

/** The text of a child; undefined where there is none, several, or nothing but white space in it. */
export function textOf(parent: XmlElement, name: string): string | undefined {
  const child = parent[name];
  return typeof child === "string" && child.trim() !== "" ? child.trim() : undefined;
}

/** The text of a child as it is; undefined where there is none, several, or one with children. */
export function rawTextOf(parent: XmlElement, name: string): string | undefined {
  const child = parent[name];
  return typeof child === "string" ? child : undefined;
}

function asElement(value: unknown): XmlElement | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as XmlElement)
    : undefined;
}
