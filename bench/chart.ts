/** The ratios as an SVG, to be read on white and on black. */

import { type Goal, goals } from "./goals.ts";
import { type Row, ratioOf } from "./row.ts";
import type { Spread } from "./statistics.ts";

const WIDTH = 880;
const LABEL_WIDTH = 440;
const MARGIN = 16;
const LINE_HEIGHT = 22;
const HEAD_HEIGHT = 64;
const FOOT_HEIGHT = 28;
const BAR_HEIGHT = 12;
/** What doesn't fit is drawn at the edge; the figure says how much it is. */
const MOST_TIMES = 16;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .head { font-size: 15px; font-weight: 600; } .faint { fill: #59636e; } .grid { stroke: #d1d9e0; } .even { stroke: #59636e; }
  .better { fill: #1a7f37; } .worse { fill: #bc4c00; } .spread { stroke: #1f2328; } .goal { fill: #8250df; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .faint { fill: #9198a1; } .grid { stroke: #3d444d; } .even { stroke: #9198a1; }
    .better { fill: #3fb950; } .worse { fill: #f0883e; } .spread { stroke: #f0f6fc; } .goal { fill: #ab7df8; }
  }`;

/** One bar: how many times as good we are. */
interface Bar {
  readonly label: string;
  readonly times: Spread;
  /** The goal, as a number of times as good. */
  readonly goal: number | undefined;
}

/** The whole file. A bar for every comparison whose ratio says how many times as good one of the two is. */
export function chart(rows: readonly Row[], title: string): string {
  const bars = rows.flatMap(barsOf);
  const height = HEAD_HEIGHT + bars.length * LINE_HEIGHT + FOOT_HEIGHT;
  const ticks = [1 / 4, 1 / 2, 1, 2, 4, 8].map((times) => tick(times, height));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>${STYLE}
</style>
<text class="head" x="${MARGIN}" y="24">${escaped(title)}</text>
<text class="faint" x="${MARGIN}" y="44">times as good as the other, median and quartiles; diamond: goal; logarithmic</text>
${ticks.join("\n")}
${bars.map((bar, index) => drawn(bar, HEAD_HEIGHT + index * LINE_HEIGHT)).join("\n")}
</svg>
`;
}

function barsOf(row: Row): Bar[] {
  return row.others.flatMap((other) => {
    const ratio = ratioOf(row, other);
    // A difference near zero has no ratio worth drawing.
    if (ratio === undefined || !(ratio.min > 0)) return [];
    const goal = goals.find((it) => it.row === row.id && it.against === other.name);
    const times = row.better === "more" ? ratio : turned(ratio);
    return [{ label: `${row.title}: ${other.name}`, times, goal: timesOf(goal) }];
  });
}

/** Of what less is better the other's figure over ours. */
function turned({ median, lower, upper, min, max }: Spread): Spread {
  return { median: 1 / median, lower: 1 / upper, upper: 1 / lower, min: 1 / max, max: 1 / min };
}

function timesOf(goal: Goal | undefined): number | undefined {
  if (goal?.least !== undefined) return goal.least;
  return goal?.most === undefined ? undefined : 1 / goal.most;
}

function drawn({ label, times, goal }: Bar, top: number): string {
  const middle = top + LINE_HEIGHT / 2;
  const [from, to] = [placeOf(1), placeOf(times.median)].sort((one, other) => one - other);
  const parts = [
    `<text x="${LABEL_WIDTH - 8}" y="${middle + 4}" text-anchor="end">${escaped(label)}</text>`,
    `<rect class="${times.median >= 1 ? "better" : "worse"}" x="${from}" y="${middle - BAR_HEIGHT / 2}" width="${rounded((to ?? 0) - (from ?? 0))}" height="${BAR_HEIGHT}"/>`,
    `<path class="spread" d="M${placeOf(times.lower)} ${middle}H${placeOf(times.upper)}"/>`,
    `<text x="${WIDTH - MARGIN}" y="${middle + 4}" text-anchor="end">${times.median.toFixed(2)}</text>`,
  ];
  if (goal !== undefined)
    parts.push(`<path class="goal" d="M${placeOf(goal)} ${middle - 5}l5 5l-5 5l-5-5z"/>`);
  return parts.join("");
}

function tick(times: number, height: number): string {
  const x = placeOf(times);
  const bottom = height - FOOT_HEIGHT;
  const name = times < 1 ? `1/${1 / times}` : String(times);
  return `<path class="${times === 1 ? "even" : "grid"}" d="M${x} ${HEAD_HEIGHT - 4}V${bottom}"/><text class="faint" x="${x}" y="${bottom + 16}" text-anchor="middle">${name}</text>`;
}

/** From 1/8 to 16 times. */
function placeOf(times: number): number {
  const least = Math.log2(1 / 8);
  const most = Math.log2(MOST_TIMES);
  const at = Math.min(Math.max(Math.log2(times), least), most);
  return rounded(LABEL_WIDTH + ((at - least) / (most - least)) * (WIDTH - LABEL_WIDTH - MARGIN - 48));
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
