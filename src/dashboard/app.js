/** The dashboard: takes frames from the server and shows them. What came from visitors is only ever put in as text. */

import { showCache, showNodes, showSinks } from "./cards.js";
import { showCharts } from "./charts.js";
import { startClearing } from "./clearing.js";
import { byId, html } from "./element.js";
import { span } from "./format.js";
import { addPoints } from "./history.js";
import { problemsIn } from "./problems.js";
import { showTiles } from "./tiles.js";
import { showVisits, startMap } from "./visitors.js";

/** @typedef {import("../telemetry/overview.ts").Overview} Overview */

/** @param {Overview} overview */
function showProcess({ process, nowMs }) {
  const up = span(nowMs / 1000 - process.startedAtSeconds);
  const threads = `${process.threads} ${process.threads === 1 ? "thread" : "threads"}`;
  byId("process").textContent = `${process.version} · Bun ${process.bunVersion} · ${threads} · up ${up}`;
}

/** @param {Overview} overview */
function showProblems(overview) {
  const list = byId("problems");
  const texts = problemsIn(overview);
  list.hidden = texts.length === 0;
  list.replaceChildren(...texts.map((text) => html("li", {}, text)));
}

/** @type {Overview | undefined} */
let frame;
function show() {
  if (frame === undefined) return;
  showProcess(frame);
  showProblems(frame);
  showCharts(frame.nowMs);
  showTiles(frame);
  showVisits(frame);
  showCache(frame);
  showSinks(frame);
  showNodes(frame);
}
/**
 * @param {"live" | "waiting"} state
 * @param {string} text
 */
function setConnection(state, text) {
  byId("connection").dataset.state = state;
  byId("connection").textContent = text;
}

function listen() {
  const source = new EventSource("/_proxy/dashboard/events");
  source.onmessage = ({ data }) => {
    /** @type {Overview} */
    const overview = JSON.parse(data);
    frame = overview;
    addPoints("fine", overview.columns, overview.fine);
    addPoints("coarse", overview.columns, overview.coarse);
    setConnection("live", "live");
    // What nobody sees need not be drawn.
    if (!document.hidden) show();
  };
  source.onerror = () => {
    setConnection("waiting", "reconnecting");
    // The session has ended: the page is the form to log in then.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2_000);
  };
}
document.addEventListener("visibilitychange", show);
byId("range").addEventListener("change", () => frame && showCharts(frame.nowMs));
listen();
startMap().then(show);
startClearing();
