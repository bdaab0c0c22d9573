// Asks the server about an object and shows what its cache said. Plain script, nothing to build:
// a page works without it and only loses the live figures.

const HISTORY_ROWS = 4;

/** What each kind of answer means, in the order a visitor is likely to meet them. */
const MEANINGS = {
  hit: "Answered from the copy s3proxy keeps. S3 was not asked.",
  miss: "s3proxy had no copy, so it asked S3. Ask again and watch.",
  stale: "The copy was past its time, so s3proxy checked with S3.",
  bypass: "The cache stepped aside for this one.",
  unknown: "No Cache-Status header: this answer did not come through s3proxy.",
  unreachable: "The server could not be reached. Is s3proxy still running?",
};

/** Splits at a separator, except inside a quoted string (RFC 8941). */
function splitOutsideQuotes(text, separator) {
  const parts = [""];
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    if (quoted && text[i] === "\\") parts[parts.length - 1] += text[i++];
    else if (text[i] === '"') quoted = !quoted;
    if (text[i] === separator && !quoted) parts.push("");
    else parts[parts.length - 1] += text[i] ?? "";
  }
  return parts.map((part) => part.trim());
}

/** Reads s3proxy's member of a Cache-Status header (RFC 9211), or the one nearest to us if it has none. */
function readCacheStatus(header) {
  if (!header) return { kind: "unknown" };
  const members = splitOutsideQuotes(header, ",").map((member) => splitOutsideQuotes(member, ";"));
  const [, ...parameters] = members.find(([name]) => /s3proxy/i.test(name)) ?? members.at(-1);
  const values = Object.fromEntries(
    parameters.map((parameter) => {
      const [name, ...rest] = parameter.split("=");
      return [name.toLowerCase(), rest.length ? rest.join("=").replace(/^"|"$/g, "") : true];
    }),
  );
  if (values.hit) return { kind: "hit", ...values };
  if (values.fwd === "stale") return { kind: "stale", ...values };
  if (values.fwd === "bypass" || values.fwd === "method" || values.fwd === "request") {
    return { kind: "bypass", ...values };
  }
  return { kind: values.fwd ? "miss" : "unknown", ...values };
}

/** Sends one HEAD request that the browser's own cache may not answer. */
async function ask(url) {
  performance.clearResourceTimings();
  const startedMs = performance.now();
  const response = await fetch(url, { method: "HEAD", cache: "no-store" });
  const tookMs = performance.now() - startedMs;
  // The browser files its timing entry a moment after the answer.
  await new Promise((resolve) => setTimeout(resolve, 30));
  const protocol = performance.getEntriesByName(response.url).at(-1)?.nextHopProtocol;
  return {
    tookMs,
    protocol: { h2: "HTTP/2", h3: "HTTP/3", "http/1.1": "HTTP/1.1" }[protocol] ?? protocol,
    status: response.status,
    cacheStatus: response.headers.get("cache-status"),
    age: response.headers.get("age"),
    serverTiming: response.headers.get("server-timing"),
    ...readCacheStatus(response.headers.get("cache-status")),
  };
}

function milliseconds(value) {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function seconds(value) {
  return value === "1" ? "1 second" : `${value} seconds`;
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function showVerdict(place, kind, word, meaning) {
  place.className = `verdict is-${kind}`;
  place.replaceChildren(element("b", word), element("span", meaning));
}

function showFacts(place, answer) {
  const facts = {
    "Cache-Status": answer.cacheStatus ?? "not sent",
    Age: answer.age === null ? "not sent" : seconds(answer.age),
    "Server-Timing": answer.serverTiming,
    "Time, seen from here": milliseconds(answer.tookMs),
    Answer: [answer.status, answer.protocol && `over ${answer.protocol}`].filter(Boolean).join(" "),
  };
  const rows = Object.entries(facts).filter(([, value]) => value);
  place.replaceChildren(...rows.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

function showHistory(place, history) {
  const slowestMs = Math.max(...history.map((answer) => answer.tookMs));
  const rows = history.map((answer) => {
    const row = element("li", undefined, `is-${answer.kind}`);
    const bar = element("i");
    bar.setAttribute("aria-hidden", "true");
    bar.style.setProperty("--share", `${(100 * answer.tookMs) / slowestMs}%`);
    row.append(element("b", wordFor(answer)), bar, element("span", milliseconds(answer.tookMs)));
    return row;
  });
  if (rows.length === 1) rows.push(element("li", "Ask again, and the answers line up here.", "hint"));
  place.replaceChildren(...rows);
}

function wordFor(answer) {
  return answer.kind === "unknown" ? "no word" : answer.kind;
}

function meaningOf(answer) {
  if (answer.kind === "stale" && answer["fwd-status"] === "304") {
    return "The copy was past its time. S3 said it had not changed, so no body was fetched.";
  }
  if (answer.kind === "hit" && Number(answer.ttl) < 0) {
    return "Answered from a copy past its time, while s3proxy looks for a newer one.";
  }
  return MEANINGS[answer.kind];
}

function mountProbe(probe) {
  const find = (part) => probe.querySelector(`[data-probe="${part}"]`);
  const form = find("ask");
  const target = form.elements.target;
  const button = form.querySelector("button");
  let history = [];
  let latest = 0;

  async function askAndShow() {
    const turn = ++latest;
    try {
      const answer = await ask(target.value || location.href);
      if (turn !== latest) return;
      history = [answer, ...history].slice(0, HISTORY_ROWS);
      showVerdict(find("verdict"), answer.kind, wordFor(answer), meaningOf(answer));
      showFacts(find("facts"), answer);
      showHistory(find("history"), history);
    } catch {
      if (turn !== latest) return;
      showVerdict(find("verdict"), "unknown", "no answer", MEANINGS.unreachable);
    }
    button.textContent = "Ask again";
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    askAndShow();
  });
  target.addEventListener("change", () => {
    history = [];
    button.textContent = "Ask";
    askAndShow();
  });

  find("by-hand").hidden = true;
  find("live").hidden = false;
  askAndShow();
}

async function mountStamp(stamp) {
  try {
    const answer = await ask(location.href);
    if (answer.kind === "unknown") return;
    const age = answer.age === null ? "" : `, ${seconds(answer.age)} old`;
    stamp.textContent = `This page, asked again just now: ${answer.kind}${age}, ${milliseconds(answer.tookMs)}`;
  } catch {
    // The sentence that is already there stays.
  }
}

for (const place of document.querySelectorAll("[data-origin]")) place.textContent = location.origin;
for (const place of document.querySelectorAll("[data-path]")) place.textContent = location.pathname;
for (const probe of document.querySelectorAll(".probe")) mountProbe(probe);
for (const stamp of document.querySelectorAll("[data-stamp]")) mountStamp(stamp);
