/** A reader of the Influx line protocol as QuestDB understands it, made from its description and not from our writer. */

/** One line. Values are as they were written, escapes taken out. */
export interface Line {
  series: string;
  tags: Record<string, string>;
  /** As text, with the `i` of an integer. */
  fields: Record<string, string>;
  timestamp: string;
}

/** Reads whole lines. Throws where they aren't the protocol's. */
export function readLines(text: string): Line[] {
  const reader = new Reader(text);
  const lines: Line[] = [];
  while (!reader.isAtEnd) lines.push(readLine(reader));
  return lines;
}

function readLine(reader: Reader): Line {
  const series = reader.until(", ");
  const tags = reader.sees(",") ? pairs(reader) : {};
  reader.expect(" ");
  const fields = pairs(reader, true);
  reader.expect(" ");
  const timestamp = reader.until("\n");
  if (!/^\d+$/.test(timestamp)) throw new Error(`"${timestamp}" is no time`);
  reader.expect("\n");
  return { series, tags, fields, timestamp };
}

function pairs(reader: Reader, isFirstBare = false): Record<string, string> {
  const found: Record<string, string> = {};
  for (let isFirst = true; (isFirst && isFirstBare) || reader.sees(","); isFirst = false) {
    if (!(isFirst && isFirstBare)) reader.expect(",");
    const name = reader.until("=");
    reader.expect("=");
    const value = reader.until(", \n");
    if (name === "" || value === "") throw new Error(`An empty name or value: "${name}=${value}"`);
    if (name in found) throw new Error(`"${name}" is there twice`);
    found[name] = value;
  }
  return found;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  sees(character: string): boolean {
    return this.#text[this.#at] === character;
  }

  expect(character: string): void {
    if (!this.sees(character)) {
      throw new Error(`"${this.#text[this.#at]}" at ${this.#at}, wanted "${character}"`);
    }
    this.#at++;
  }

  /** What comes before one of these; a backslash takes the meaning from what follows. A line's end must be wanted or escaped. */
  until(ends: string): string {
    let found = "";
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) throw new Error("The text ends in the middle of a line");
      if (ends.includes(character)) return found;
      if (" ,=\n".includes(character)) throw new Error(`"${character}" at ${this.#at} isn't escaped`);
      if (character === "\\") this.#at++;
      found += this.#text[this.#at++] ?? "";
    }
  }
}
