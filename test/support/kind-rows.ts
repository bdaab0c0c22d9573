/** Tests of the kinds of option value, as a table: what each reads and what it refuses. */

import { describe, expect, test } from "bun:test";
import { type Kind, WrongForm } from "../../src/config/kinds.ts";

/** One kind. */
export interface KindRow {
  readonly name: string;
  readonly kind: Kind<unknown>;
  /** Text and the value it becomes. */
  readonly taken: readonly (readonly [string, unknown])[];
  readonly refused: readonly string[];
  /** What a refusal says was wanted. */
  readonly wanted: RegExp;
}

/** Makes a test of every text in the table, and one of each kind's placeholder. */
export function testKinds(rows: readonly KindRow[]): void {
  describe.each([...rows])("$name", ({ name, kind, taken, refused, wanted }) => {
    test("has a placeholder unless it is a boolean, for that is how a flag without a value is known", () => {
      expect(kind.placeholder === "").toBe(name === "boolean");
    });
    test.each(taken.map(([given, value]) => ({ given, value, shown: JSON.stringify(given) })))(
      "reads $shown",
      ({ given, value }) => {
        expect(kind.parse(given)).toEqual(value);
      },
    );
    test.each(refused.map((given) => ({ given, shown: JSON.stringify(given).slice(0, 40) })))(
      "refuses $shown and says what was wanted",
      ({ given }) => {
        expect(() => kind.parse(given)).toThrow(WrongForm);
        expect(() => kind.parse(given)).toThrow(wanted);
      },
    );
  });
}
