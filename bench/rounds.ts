/** Measures several servers in turn, so that what disturbs the machine disturbs all of them. */

/** How much is measured. */
export interface Effort {
  readonly rounds: number;
  /** Of one server in one round. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Only the scenarios and the peers that a change is usually judged by. */
  readonly isQuick: boolean;
}

/** Runs `measure` once for each server in every round, the order turned around every time. Gives the results by server, in order. */
export async function inRounds<Server, Result>(
  rounds: number,
  servers: readonly Server[],
  measure: (server: Server, round: number) => Promise<Result>,
): Promise<Result[][]> {
  const results = servers.map((): Result[] => []);
  for (let round = 0; round < rounds; round++) {
    const order = servers.map((_, index) => index);
    for (const index of round % 2 === 0 ? order : order.reverse()) {
      const server = servers[index];
      if (server !== undefined) results[index]?.push(await measure(server, round));
    }
  }
  return results;
}
