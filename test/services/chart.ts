/** The Helm chart, and what helm makes of it: objects that Kubernetes takes and that find each other. */

import { expect } from "bun:test";
import { join } from "node:path";
import { ENVIRONMENT_NAMES } from "../deploy/environment-names.ts";
import { buildGoProgram, ensureGoProgram } from "./go-program.ts";

/** The chart's directory. */
export const CHART = join(import.meta.dir, "../../deploy/helm/s3proxy");
const HELM = { name: "helm", module: "helm.sh/helm/v3/cmd/helm", version: "v3.22.0" };
/** helm as Go builds it takes itself for one of a very old cluster. */
const CLUSTER = ["--kube-version", "1.34.0"];

/** An object of Kubernetes, as far as a test looks into it. */
interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: object; readonly labels?: object };
  // biome-ignore lint/suspicious/noExplicitAny: every kind has fields of its own
  readonly spec: any;
}

/** The chart's objects by kind; of what is there twice the second has its own name too. */
type Made = Readonly<Record<string, KubernetesObject>>;

/** The programs that read the chart. */
export interface Chart {
  /** Has helm do something with the chart and these values. */
  helm(command: "lint" | "template", ...values: string[]): ReturnType<typeof run>;
  /** The chart's objects with these values. Fails where one isn't what Kubernetes takes, or names a port or a volume that isn't there. */
  objects(...values: string[]): Promise<Made>;
  /** The deployment, its pod and the container in it. */
  podOf(...values: string[]): Promise<ReturnType<typeof partsOf>>;
}

/** Opens it; helm is built first where it is missing. */
export async function openChart(): Promise<Chart> {
  const program = await ensureGoProgram(HELM);
  const decoder = await buildGoProgram("kubernetes-decoder", join(import.meta.dir, "kubernetes"));
  const helm: Chart["helm"] = (command, ...values) => {
    const what = command === "lint" ? ["lint", "--strict", CHART] : ["template", "site", CHART];
    return run([program, ...what, ...CLUSTER, ...values.flatMap((value) => ["--set", value])]);
  };
  const objects: Chart["objects"] = async (...values) => {
    const { stdout, stderr } = await helm("template", ...values);
    expect(stderr).toBe("");
    const documents = stdout.split(/^---\n/m).filter((text) => text.trim() !== "");
    // The monitor's type is the Prometheus operator's.
    const own = documents.filter((text) => !text.includes("kind: ServiceMonitor"));
    expect(await run([decoder], own.join("\n---\n"))).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    const all = documents.map((text) => Bun.YAML.parse(text) as KubernetesObject);
    const made = Object.fromEntries(all.map((each) => [nameOf(each), each]));
    expectConsistent(made, all);
    return made;
  };
  return { helm, objects, podOf: async (...values) => partsOf(await objects(...values)) };
}

async function run(command: readonly string[], input = "") {
  const child = Bun.spawn([...command], { stdin: new Blob([input]), stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

function nameOf({ kind, metadata }: KubernetesObject): string {
  return metadata.name === "site-admin" ? `${kind} site-admin` : kind;
}

function partsOf({ Deployment }: Made) {
  const pod = Deployment?.spec.template.spec;
  const [container] = pod.containers;
  const { startupProbe, livenessProbe, readinessProbe } = container;
  // biome-ignore lint/suspicious/noExplicitAny: as of the objects
  const probes: any[] = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet);
  return { deployment: Deployment?.spec, pod, container, probes };
}

/** Ports and volumes go by names, and Kubernetes takes one that nothing has: the probe fails then, or the service leads nowhere. */
function expectConsistent(made: Made, all: readonly KubernetesObject[]): void {
  const { pod, container, probes } = partsOf(made);
  const services = all.filter(({ kind }) => kind === "Service");
  const targets = services.flatMap(({ spec }) =>
    spec.ports.map((port: { targetPort: string }) => port.targetPort),
  );
  for (const port of [...probes.map(({ port }) => port), ...targets])
    expect(named(container.ports)).toContain(port);
  expect(named(pod.volumes).sort()).toEqual(named(container.volumeMounts).sort());
  const environment = named(container.env);
  expect(environment.filter((name) => !ENVIRONMENT_NAMES.includes(name))).toEqual([]);
  expect(new Set(environment).size).toBe(environment.length);
  const { ServiceMonitor } = made;
  if (ServiceMonitor === undefined) return;
  const { selector, endpoints } = ServiceMonitor.spec;
  const monitored = services.filter(({ metadata }) => hasLabels(metadata.labels, selector.matchLabels));
  for (const { port } of endpoints)
    expect(monitored.flatMap(({ spec }) => named(spec.ports))).toContain(port);
}

function named(list: readonly { name: string }[]): string[] {
  return list.map(({ name }) => name);
}

function hasLabels(labels: object = {}, wanted: object): boolean {
  const present = new Map(Object.entries(labels));
  return Object.entries(wanted).every(([name, value]) => present.get(name) === value);
}
