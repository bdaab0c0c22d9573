/** The files of the dashboard, as text: read with the program's own modules, so that they are in an executable too. */

import appScript from "./app.js" with { type: "text" };
import chartScript from "./chart.js" with { type: "text" };
import clearingScript from "./clearing.js" with { type: "text" };
import elementScript from "./element.js" with { type: "text" };
import formatScript from "./format.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import loginHtml from "./login.html" with { type: "text" };
import mapScript from "./map.js" with { type: "text" };
import pageHtml from "./page.html" with { type: "text" };
import projectionScript from "./projection.js" with { type: "text" };
import style from "./style.css" with { type: "text" };
import worldMap from "./world.json" with { type: "text" };

// Their types are those of what Bun would make of such files without `type: "text"`.
const page = pageHtml as unknown as string;
const loginPage = loginHtml as unknown as string;
const world = worldMap as unknown as string;

export {
  appScript,
  chartScript,
  clearingScript,
  elementScript,
  formatScript,
  icon,
  loginPage,
  mapScript,
  page,
  projectionScript,
  style,
  world as worldMap,
};
