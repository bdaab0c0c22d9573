/** The chart: what helm says of it, and what it makes of several values. Run by `npm run test:services`. */

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { ENVIRONMENT_NAMES } from "../deploy/environment-names.ts";
import { buildGoProgram, ensureGoProgram } from "./go-program.ts";

/** helm is built first where it is missing, in milliseconds. */
const PREPARE_MS = 900_000;
setDefaultTimeout(30_000);

const CHART = join(import.meta.dir, "../../deploy/helm/s3proxy");
const HELM = { name: "helm", module: "helm.sh/helm/v3/cmd/helm", version: "v3.22.0" };
/** helm as Go builds it takes itself for one of a very old cluster. */
const CLUSTER = ["--kube-version", "1.34.0"];
const BUCKET = "env.S3_BUCKET=my-site";

/** An object of Kubernetes, as far as a test looks into it. */
interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: object; readonly labels?: object };
  // biome-ignore lint/suspicious/noExplicitAny: every kind has fields of its own
  readonly spec: any;
}

let helm: string;
let decoder: string;

beforeAll(async () => {
  helm = await ensureGoProgram(HELM);
  decoder = await buildGoProgram("kubernetes-decoder", join(import.meta.dir, "kubernetes"));
}, PREPARE_MS);

async function run(command: readonly string[], input = "") {
  const child = Bun.spawn([...command], { stdin: new Blob([input]), stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

const withValues = (values: readonly string[]) => values.flatMap((value) => ["--set", value]);

/** The chart's objects by kind, with these values. Fails where one isn't what Kubernetes takes. */
async function objects(...values: string[]): Promise<Record<string, KubernetesObject>> {
  const { stdout, stderr } = await run([helm, "template", "site", CHART, ...CLUSTER, ...withValues(values)]);
  expect(stderr).toBe("");
  const documents = stdout.split(/^---\n/m).filter((text) => text.trim() !== "");
  // The monitor's type is the Prometheus operator's.
  const own = documents.filter((text) => !text.includes("kind: ServiceMonitor"));
  expect(await run([decoder], own.join("\n---\n"))).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  const all = documents.map((text) => Bun.YAML.parse(text) as KubernetesObject);
  return Object.fromEntries(all.map((each) => [nameOf(each), each]));
}

/** Of what is there twice the second has its own name. */
function nameOf({ kind, metadata }: KubernetesObject): string {
  return metadata.name === "site-admin" ? `${kind} site-admin` : kind;
}

async function podOf(...values: string[]) {
  const { Deployment } = await objects(...values);
  const pod = Deployment?.spec.template.spec;
  return { deployment: Deployment?.spec, pod, container: pod.containers[0] };
}

test("helm finds nothing wrong with the chart", async () => {
  const { exitCode, stdout } = await run([
    helm,
    "lint",
    "--strict",
    CHART,
    ...CLUSTER,
    ...withValues([BUCKET]),
  ]);
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining("0 chart(s) failed")]);
});

test("the chart is for the program's version", async () => {
  const chart = Bun.YAML.parse(await Bun.file(join(CHART, "Chart.yaml")).text()) as { appVersion: string };
  const { version } = await Bun.file(join(import.meta.dir, "../../package.json")).json();
  expect(chart.appVersion).toBe(version);
  expect((await podOf(BUCKET)).container.image).toBe(`s3proxy:${version}`);
});

test("without a bucket there is one clear error", async () => {
  const { exitCode, stderr } = await run([helm, "template", "site", CHART, ...CLUSTER]);
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("env.S3_BUCKET is required")]);
});

test("the defaults make a deployment that can be reached and can't be drained whole", async () => {
  const made = await objects(BUCKET);
  expect(Object.keys(made).sort()).toEqual([
    "Deployment",
    "PodDisruptionBudget",
    "Service",
    "ServiceAccount",
  ]);
  expect(made.Deployment?.spec.replicas).toBe(2);
  expect(made.PodDisruptionBudget?.spec.maxUnavailable).toBe(1);
  const labels = made.Deployment?.spec.template.metadata.labels;
  expect(made.Service?.spec.selector).toEqual(labels);
  expect(made.PodDisruptionBudget?.spec.selector.matchLabels).toEqual(labels);
});

test("a pod isn't root, writes only into its cache, and is asked how it is", async () => {
  const { pod, container } = await podOf(BUCKET);
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  expect(container.volumeMounts).toEqual([{ name: "cache", mountPath: "/var/cache/s3proxy" }]);
  const paths = [container.startupProbe, container.livenessProbe, container.readinessProbe];
  expect(paths.map(({ httpGet }) => httpGet.path)).toEqual([
    "/_proxy/health",
    "/_proxy/health",
    "/_proxy/ready",
  ]);
});

test("options go in by their names, secrets by reference", async () => {
  const { container } = await podOf(BUCKET, "env.TTL=60", "secrets[0]=s3proxy-keys");
  const environment: { name: string; value: string }[] = container.env;
  expect(environment.filter(({ name }) => !ENVIRONMENT_NAMES.includes(name))).toEqual([]);
  expect(environment).toContainEqual({ name: "S3_BUCKET", value: "my-site" });
  expect(environment).toContainEqual({ name: "TTL", value: "60" });
  expect(container.envFrom).toEqual([{ secretRef: { name: "s3proxy-keys" } }]);
});

test("another port is the pod's, and the service finds it", async () => {
  const { container } = await podOf(BUCKET, "env.PORT=9000");
  expect(container.ports).toEqual([{ name: "http", containerPort: 9000 }]);
  expect(container.env).toContainEqual({ name: "PORT", value: "9000" });
});

test("with an admin port probes and Prometheus ask there, and the site's own service doesn't have it", async () => {
  const values = [BUCKET, "env.ADMIN_PORT=8001", "serviceMonitor.enabled=true", "service.type=LoadBalancer"];
  const made = await objects(...values);
  const container = made.Deployment?.spec.template.spec.containers[0];
  expect(container.ports).toEqual([
    { name: "http", containerPort: 8000 },
    { name: "admin", containerPort: 8001 },
  ]);
  const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
  expect(probes.map(({ httpGet }) => httpGet.port)).toEqual(["admin", "admin", "admin"]);
  expect(made.Service?.spec.ports).toEqual([{ name: "http", port: 80, targetPort: "http" }]);
  const service = made["Service site-admin"];
  expect(service?.spec).toMatchObject({ clusterIP: "None", ports: [{ name: "admin", port: 8001 }] });
  expect(made.ServiceMonitor?.spec.endpoints[0]).toMatchObject({ port: "admin" });
  const labels = made.ServiceMonitor?.spec.selector.matchLabels;
  expect(service?.metadata.labels).toEqual(labels);
  expect(made.Service?.metadata.labels).not.toMatchObject(labels);
});

test("a role in AWS is an annotation of the service account that the pods have", async () => {
  const role = "arn:aws:iam::123456789012:role/s3proxy";
  const made = await objects(BUCKET, `serviceAccount.annotations.eks\\.amazonaws\\.com/role-arn=${role}`);
  expect(made.ServiceAccount?.metadata.annotations).toEqual({ "eks.amazonaws.com/role-arn": role });
  expect(made.Deployment?.spec.template.spec.serviceAccountName).toBe(
    String(made.ServiceAccount?.metadata.name),
  );
});

describe("the cache is", () => {
  test("an emptyDir of a size that the program stays below", async () => {
    const { pod, container } = await podOf(BUCKET);
    expect(pod.volumes).toEqual([{ name: "cache", emptyDir: { sizeLimit: "10Gi" } }]);
    expect(container.env).toContainEqual({ name: "CACHE_SIZE", value: "9GiB" });
  });

  test("a volume of a class for each pod", async () => {
    const [{ ephemeral }] = (await podOf(BUCKET, "cache.storageClassName=gp3")).pod.volumes;
    expect(ephemeral.volumeClaimTemplate.spec).toMatchObject({ storageClassName: "gp3" });
  });

  test("a claim that outlives the pod, where there is one pod at a time", async () => {
    const values = [BUCKET, "cache.existingClaim=site-cache"];
    const { deployment, pod } = await podOf(...values, "replicas=1");
    expect(pod.volumes).toEqual([{ name: "cache", persistentVolumeClaim: { claimName: "site-cache" } }]);
    expect(deployment.strategy).toEqual({ type: "Recreate" });
    const refused = await run([helm, "template", "site", CHART, ...CLUSTER, ...withValues(values)]);
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringContaining("a cache has one program"),
    ]);
  });
});

test("autoscaling decides how many there are", async () => {
  const made = await objects(BUCKET, "autoscaling.enabled=true");
  expect(made.Deployment?.spec).not.toHaveProperty("replicas");
  expect(made.HorizontalPodAutoscaler?.spec.scaleTargetRef.name).toBe(made.Deployment?.metadata.name);
});

test("Prometheus' operator is told where the metrics are", async () => {
  const { ServiceMonitor, Service } = await objects(BUCKET, "serviceMonitor.enabled=true");
  expect(ServiceMonitor?.spec.endpoints).toEqual([
    { port: Service?.spec.ports[0].name, path: "/_proxy/metrics", interval: "30s" },
  ]);
  expect(ServiceMonitor?.spec.selector.matchLabels).toEqual(Service?.spec.selector);
});
