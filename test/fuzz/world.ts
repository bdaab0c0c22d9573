/** A fuzz run: does what the steps say, and between them lets go what they let go. */

import type { ClearScope } from "../../src/keeper/protocol.ts";
import { install } from "./ambient.ts";
import { KEYS, type KeyPlan } from "./bucket.ts";
import { FAULTS } from "./faults.ts";
import { damage, deleteFile } from "./folder.ts";
import { Stage } from "./stage.ts";
import type { Event, Script, Setting, Want } from "./steps.ts";
import type { Plan } from "./visit.ts";

type EventOf<Kind extends Event["kind"]> = Extract<Event, { kind: Kind }>;

/**
 * Does everything that a script says.
 *
 * @throws where an answer was wrong, was lost, or something was left behind
 */
export async function runScript({ setting, steps }: Script): Promise<void> {
  const stage = new Stage(setting);
  const onRejection = (reason: unknown) =>
    stage.fail(`A rejection nobody handles: ${(reason as Error)?.stack}`);
  process.on("unhandledRejection", onRejection);
  const { gates, timers, faults, s3 } = stage;
  const { areFilesGated } = setting;
  const uninstall = await install({ gates, timers, faults, fetch: s3.fetch.bind(s3), areFilesGated });
  try {
    const world = new World(stage, setting);
    for (const [at, { event, go }] of steps.entries()) {
      gates.note(`-- step ${at + 1}: ${JSON.stringify(event)}`);
      await world.meet(event);
      await stage.calm();
      for (const pick of go) {
        gates.release(pick);
        await stage.calm();
      }
    }
    await world.finish();
  } catch (error) {
    await stage.abandon();
    throw error;
  } finally {
    uninstall();
    process.off("unhandledRejection", onRejection);
    stage.remove();
  }
}

/** Knows what each event means. */
class World {
  readonly #stage: Stage;
  readonly #plans: readonly KeyPlan[];

  constructor(stage: Stage, { keys }: Setting) {
    this.#stage = stage;
    this.#plans = KEYS.filter((_, at) => keys.includes(at));
    for (const plan of this.#plans) {
      if (plan.isMissing === true) stage.bucket.take(plan, "missing");
      else stage.bucket.put(plan, 0.5);
    }
  }

  /** Lets an event happen. Only a restart is waited for. */
  async meet(event: Event): Promise<void> {
    const { bucket, faults, folder, life, visits } = this.#stage;
    switch (event.kind) {
      case "get":
        return this.#get(event);
      case "put":
        return bucket.put(this.#planOf(event.key), event.size);
      case "describe":
        return bucket.describe(this.#planOf(event.key));
      case "missing":
      case "denied":
        return bucket.take(this.#planOf(event.key), event.kind);
      case "revert":
        return bucket.revert(this.#planOf(event.key), event.version);
      case "clear":
        return this.#stage.clear(this.#scopeOf(event));
      case "clock":
        return this.#stage.setClock(event.ms);
      case "time":
        return this.#stage.passTime(event.ms);
      case "fault":
        return faults.add(event.of, FAULTS[event.of][event.how] ?? "", event.count);
      case "leave":
        return visits[event.visit % Math.max(1, visits.length)]?.leave();
      case "delete file":
        return deleteFile(folder, event.file);
      case "index":
        return life.index();
      case "restart":
        return this.#restart(event);
      case "nothing":
    }
  }

  /** Everything ends; a last life reads what is left, and answers with it. */
  async finish(): Promise<void> {
    await this.#stage.stop();
    this.#stage.restart();
    this.#stage.life.index();
    for (const plan of this.#plans)
      this.#stage.visit({ ...this.#wanted(plan, "all"), isSlow: false, leavesAfter: undefined });
    await this.#stage.stop();
  }

  #get({ key, want, clients, isSlow, leavesAfter }: EventOf<"get">): void {
    const plan = { ...this.#wanted(this.#planOf(key), want), isSlow, leavesAfter };
    for (let client = 0; client < clients; client++) this.#stage.visit(plan);
  }

  #wanted({ path, mostBytes }: KeyPlan, want: Want): Omit<Plan, "isSlow" | "leavesAfter"> {
    const plain = { path, method: "GET", range: undefined, ifNoneMatch: undefined } as const;
    if (want === "all") return plain;
    if (want === "head") return { ...plain, method: "HEAD" };
    if (want === "known") return { ...plain, ifNoneMatch: this.#stage.bucket.at(path)?.etag };
    const ends = want.map((share) => Math.floor(share * mostBytes));
    return { ...plain, range: { first: Math.min(...ends), last: Math.max(...ends) } };
  }

  #scopeOf({ scope }: EventOf<"clear">): ClearScope | undefined {
    if (scope === "all") return undefined;
    if (typeof scope === "string") return { kind: "prefix", prefix: scope };
    return { kind: "keys", keys: [this.#planOf(scope).path] };
  }

  async #restart({ how, isIndexed, damage: kind, file, at }: EventOf<"restart">): Promise<void> {
    await this.#stage[how]();
    if (kind !== "none") damage(this.#stage.folder, kind, file, at);
    this.#stage.restart();
    if (isIndexed) this.#stage.life.index();
  }

  #planOf(key: number): KeyPlan {
    const plan = this.#plans[key % this.#plans.length];
    if (plan === undefined) throw new RangeError(`No key ${key}`);
    return plan;
  }
}
