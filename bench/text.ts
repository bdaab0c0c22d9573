/** Text to compress. */

/** Pages with scripts in them, of invented words that come as often as words do; the same in every run. */
export function textOf(length: number): Buffer {
  let state = 2_463_534_242;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const syllables = ["ta", "re", "no", "li", "sho", "con", "ver", "en", "ul", "mi", "pra", "ge", "ost", "in"];
  const words = Array.from({ length: 6_000 }, () => {
    const count = 1 + Math.floor(random() * 4);
    return Array.from({ length: count }, () => syllables[Math.floor(random() * syllables.length)]).join("");
  });
  // Zipf's law: the second word comes half as often as the first.
  const word = () => words[Math.floor(words.length ** random()) - 1] ?? "";
  const several = (count: number) => Array.from({ length: 1 + Math.floor(random() * count) }, word).join(" ");
  const pieces: string[] = [];
  for (let bytes = 0; bytes < length; bytes += pieces.at(-1)?.length ?? 0) {
    const number = Math.floor(random() * 100_000);
    const kind = random();
    if (kind < 0.5) pieces.push(`<p class="${word()} ${word()}">${several(40)}</p>\n`);
    else if (kind < 0.7) pieces.push(`<a href="/${word()}/${word()}-${number}.html">${several(5)}</a>\n`);
    else
      pieces.push(`<script>function ${word()}(${word()}){return ${word()}.${word()}(${number})}</script>\n`);
  }
  return Buffer.from(pieces.join("")).subarray(0, length);
}
