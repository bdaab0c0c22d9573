import fc from "fast-check";

/** Any character of Unicode, those of one byte as often as all others. */
export const anyCharacter: fc.Arbitrary<string> = fc
  .oneof(
    fc.integer({ min: 0, max: 0xff }),
    fc.integer({ min: 0, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
  )
  .map((codePoint) => String.fromCodePoint(codePoint));

/**
 * Any well-formed text, control characters included. (A `fc.string({ unit: "binary" })` is the same, but takes seconds
 * to be made.)
 */
export const anyText: fc.Arbitrary<string> = fc
  .array(anyCharacter, { maxLength: 30 })
  .map((characters) => characters.join(""));
