/** All edges: one on this thread, or several on threads of their own that share the port and are started again when one ends. */

import { assertFree } from "../edge/bind.ts";
import { type EdgeConfig, type EdgeSettings, startEdge } from "../edge/edge.ts";
import type { BucketWebsite } from "../origin/website.ts";
import type { Certificate } from "../tls/certificate.ts";
import { type EdgeThread, startEdgeThread, type ThreadHost } from "./edge-thread.ts";

/** A thread that ended is started again after this long, in milliseconds, so that one that always ends can't spin. */
const RESTART_AFTER_MS = 1_000;

/** All edges of the process. */
export interface Edges {
  readonly port: number;
  /** The bucket's own website configuration is another one: every edge is told, also one that is started later. */
  setBucketWebsite(website: BucketWebsite | undefined): void;
  /** Resolves when every edge answers by these; one that is started later does too. */
  setSettings(settings: EdgeSettings): Promise<void>;
  /** Serves new connections with this certificate, also on threads that are started later. */
  renew(certificate: Certificate): void;
  /** Takes no more connections; resolves when what is in flight has ended, or has been ended after `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
  /** Whether each answer ends its connection from now on, for another program takes this one's place. */
  setRetiring(isRetiring: boolean): void;
  /** Closes the connections on which nothing is asked, on all threads; says how many. */
  closeIdle(): number | Promise<number>;
}

/**
 * Starts `threads` edges, which are one listener to the outside. With one the keeper is called directly.
 *
 * @throws where the address can't be had
 */
export async function startEdges(threads: number, config: EdgeConfig, host: ThreadHost): Promise<Edges> {
  const { port, tls } = config.listen;
  const isShared = config.listen.isShared || threads > 1 || tls !== undefined;
  if (isShared) await assertFree(config.listen);
  if (threads === 1) {
    const edge = startEdge(
      { ...config, listen: { ...config.listen, isShared } },
      { ...host, counters: host.counters.of(1), nowMs: Date.now },
    );
    host.keeper.attach(edge.client);
    const { setBucketWebsite, setSettings } = edge;
    return { ...edge.listener, setBucketWebsite, setSettings: async (settings) => setSettings(settings) };
  }
  // The first one finds a free port where any will do; the others share it.
  const first = await startEdgeThread(withPort(config, port), 1, host);
  const shared = withPort(config, first.port);
  const others = await Promise.all(
    Array.from({ length: threads - 1 }, (_, index) => startEdgeThread(shared, index + 2, host)),
  );
  return supervise([first, ...others], shared, host);
}

function supervise(threads: readonly EdgeThread[], startConfig: EdgeConfig, host: ThreadHost): Edges {
  const running = new Set<EdgeThread>();
  let config = startConfig;
  let isStopping = false;

  const watch = async (thread: EdgeThread): Promise<void> => {
    running.add(thread);
    const reason = await thread.ended;
    running.delete(thread);
    if (isStopping) return;
    host.log.critical("A serving thread ended and is started again", { reason });
    await restart(thread.edge);
  };
  const restart = async (edge: number): Promise<void> => {
    await Bun.sleep(RESTART_AFTER_MS);
    if (isStopping) return;
    const given = config;
    try {
      const thread = await startEdgeThread(given, edge, host);
      void watch(thread);
      // What it was told may be outdated by now.
      const { bucketWebsite, listen } = config;
      if (bucketWebsite !== given.bucketWebsite) thread.setBucketWebsite(bucketWebsite);
      if (config !== given) void thread.setSettings(settingsOf(config));
      if (listen.tls !== undefined && listen.tls !== given.listen.tls) thread.renew(listen.tls.certificate);
    } catch (error) {
      host.log.critical("A serving thread could not be started", { reason: (error as Error).message });
      await restart(edge);
    }
  };
  for (const thread of threads) void watch(thread);
  return {
    port: config.listen.port,
    setBucketWebsite(bucketWebsite) {
      config = { ...config, bucketWebsite };
      for (const thread of running) thread.setBucketWebsite(bucketWebsite);
    },
    async setSettings(settings) {
      config = { ...config, ...settings };
      await Promise.all([...running].map((thread) => thread.setSettings(settings)));
    },
    renew(certificate) {
      const { listen } = config;
      if (listen.tls === undefined) return;
      config = { ...config, listen: { ...listen, tls: { ...listen.tls, certificate } } };
      for (const thread of running) thread.renew(certificate);
    },
    setRetiring(isRetiring) {
      for (const thread of running) thread.setRetiring(isRetiring);
    },
    async stop(deadlineMs) {
      isStopping = true;
      await Promise.all([...running].map((thread) => thread.stop(deadlineMs)));
    },
    async closeIdle() {
      const closed = await Promise.all([...running].map((thread) => thread.closeIdle()));
      return closed.reduce((sum, connections) => sum + connections, 0);
    },
  };
}

function settingsOf({ allowedOrigins, headerRules, logLevel }: EdgeConfig): EdgeSettings {
  return { allowedOrigins, headerRules, logLevel };
}

function withPort(config: EdgeConfig, port: number): EdgeConfig {
  return { ...config, listen: { ...config.listen, port, isShared: true } };
}
