/** What can be changed while the program runs: read again when the operator asks for it, taken whole or not at all. */

import { isDeepStrictEqual } from "node:util";
import type { Config } from "./config/config.ts";
import { nameInFile } from "./config/config-file.ts";
import { OPTION_NAMES, type OptionName, options } from "./config/options.ts";
import { UsageError } from "./config/usage-error.ts";
import type { EdgeSettings } from "./edge/edge.ts";
import { HeaderRulesFileError, readHeaderRules } from "./http/header-rules-file.ts";
import { type Fields, formatLine, type Level } from "./log/log.ts";
import type { ProcessLog } from "./log/open.ts";
import type { Edges } from "./threads/edges.ts";
import type { PublisherThread } from "./threads/publisher-thread.ts";
import { CertificateError } from "./tls/certificate.ts";
import type { CertificateWatch } from "./tls/watch.ts";

/** Options that take another value while the program runs. */
const RELOADED: ReadonlySet<OptionName> = new Set(["config", "headersFile", "allowedOrigins", "logLevel"]);

/** What a `Reloader` works with. */
export interface ReloaderParts {
  /** What the program was started with, and what the files said then. */
  readonly config: Config;
  readonly headerRules: EdgeSettings["headerRules"];
  readonly processLog: ProcessLog;
  readonly edges: Pick<Edges, "setSettings" | "renew">;
  readonly certificate: CertificateWatch | undefined;
  readonly publisher: Pick<PublisherThread, "setLogLevel"> | undefined;
}

/** Reads again and hands on. */
export class Reloader {
  readonly #parts: ReloaderParts;
  #settings: EdgeSettings;
  #before: Promise<void> = Promise.resolve();

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
    const { headerRules, config } = parts;
    this.#settings = settingsOf(config, headerRules);
  }

  /**
   * Reads everything, and hands it on where all of it can be used. Never rejects; one log line says what has become of it, once
   * every thread has it. One that is asked for meanwhile follows.
   *
   * @param readConfig the options as they are now. Throws `UsageError`
   */
  reload(readConfig: () => Config): Promise<void> {
    this.#before = this.#before.then(() =>
      this.#reload(readConfig).catch((error: unknown) => {
        const isExpected =
          error instanceof UsageError ||
          error instanceof HeaderRulesFileError ||
          error instanceof CertificateError;
        const reason = isExpected ? error.message : String(error);
        this.#say("warn", "Nothing is reloaded, what was before stays", { reason });
      }),
    );
    return this.#before;
  }

  async #reload(readConfig: () => Config): Promise<void> {
    const { certificate, edges, publisher, processLog } = this.#parts;
    const config = readConfig();
    const settings = settingsOf(config, readHeaderRules(config.headersFile));
    const found = await certificate?.read();

    const changed = changesOf(this.#settings, settings);
    if (found !== undefined && certificate?.take(found, edges.renew) === true) changed.push("tls-cert");
    this.#settings = settings;
    processLog.log.setLevel(settings.logLevel);
    await Promise.all([edges.setSettings(settings), publisher?.setLogLevel(settings.logLevel)]);
    this.#say("info", "Reloaded", {
      changed: changed.join(", ") || "nothing",
      needsRestart: this.#needsRestart(config),
    });
  }

  /** Options that have another value by now, which only a start can give them. */
  #needsRestart(config: Config): string | undefined {
    const names = OPTION_NAMES.filter(
      (name) => !RELOADED.has(name) && !isDeepStrictEqual(config[name], this.#parts.config[name]),
    ).map((name) => nameInFile(options[name]));
    return names.length === 0 ? undefined : names.join(", ");
  }

  /** Who asks is answered whatever the log's level. */
  #say(level: Level, message: string, fields: Fields): void {
    this.#parts.processLog.writeLine(formatLine(Date.now(), level, message, fields));
  }
}

function settingsOf(
  { allowedOrigins, logLevel }: Config,
  headerRules: EdgeSettings["headerRules"],
): EdgeSettings {
  return { allowedOrigins, headerRules, logLevel };
}

/** The options whose values differ, by the names that the operator knows. */
function changesOf(before: EdgeSettings, after: EdgeSettings): string[] {
  const changed: string[] = [];
  if (!isDeepStrictEqual(before.headerRules, after.headerRules)) changed.push("headers");
  if (!isDeepStrictEqual(before.allowedOrigins, after.allowedOrigins)) changed.push("allowed-origins");
  if (before.logLevel !== after.logLevel) changed.push("log-level");
  return changed;
}
