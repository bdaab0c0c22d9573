/** The files of the dashboard, as text: read with the program's own modules, so that they are in an executable too. */

import app from "./app.js" with { type: "text" };
import cards from "./cards.js" with { type: "text" };
import chart from "./chart.js" with { type: "text" };
import charts from "./charts.js" with { type: "text" };
import clearing from "./clearing.js" with { type: "text" };
import element from "./element.js" with { type: "text" };
import format from "./format.js" with { type: "text" };
import history from "./history.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import loginHtml from "./login.html" with { type: "text" };
import map from "./map.js" with { type: "text" };
import pageHtml from "./page.html" with { type: "text" };
import problems from "./problems.js" with { type: "text" };
import projection from "./projection.js" with { type: "text" };
import style from "./style.css" with { type: "text" };
import tiles from "./tiles.js" with { type: "text" };
import visitors from "./visitors.js" with { type: "text" };
import world from "./world.json" with { type: "text" };

/** A file that a page asks for by its name. */
export interface Asset {
  readonly name: string;
  readonly contentType: string;
  readonly text: string;
}

// The types of HTML and JSON are those of what Bun would make of such files without `type: "text"`.
/** The page for who has logged in. */
export const page = pageHtml as unknown as string;
/** The page for who hasn't. */
export const loginPage = loginHtml as unknown as string;

/** What they are made of. */
export const assets: readonly Asset[] = [
  { name: "style.css", contentType: "text/css; charset=utf-8", text: style },
  script("app.js", app),
  script("cards.js", cards),
  script("chart.js", chart),
  script("charts.js", charts),
  script("clearing.js", clearing),
  script("element.js", element),
  script("format.js", format),
  script("history.js", history),
  script("map.js", map),
  script("problems.js", problems),
  script("projection.js", projection),
  script("tiles.js", tiles),
  script("visitors.js", visitors),
  { name: "world.json", contentType: "application/json", text: world as unknown as string },
  { name: "icon.svg", contentType: "image/svg+xml", text: icon },
];

function script(name: string, text: string): Asset {
  return { name, contentType: "text/javascript; charset=utf-8", text };
}
