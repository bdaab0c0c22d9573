/** Words between two processes, one a line, over a Unix socket. */

import type { Socket } from "node:net";

/** Longest line there is, in characters; who sends more is not one of us. */
const MOST_CHARACTERS = 200;

/** Calls `onLine` for each whole line that comes. A connection that sends something longer is closed. */
export function readLines(socket: Socket, onLine: (line: string) => void): void {
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk) => {
    const lines = (text + chunk).split("\n");
    text = lines.pop() ?? "";
    if (text.length > MOST_CHARACTERS) return void socket.destroy();
    for (const line of lines) onLine(line);
  });
}
