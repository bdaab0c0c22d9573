/** The chart: what helm says of it, and what it makes of several values. Run by `npm run test:services`. */

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { parseOptions } from "../../src/config/parse.ts";
import { CHART, type Chart, openChart } from "./chart.ts";

/** helm is built first where it is missing, in milliseconds. */
const PREPARE_MS = 900_000;
setDefaultTimeout(30_000);

const BUCKET = "env.S3_BUCKET=my-site";

let helm: Chart["helm"];
let objects: Chart["objects"];
let podOf: Chart["podOf"];

beforeAll(async () => {
  ({ helm, objects, podOf } = await openChart());
}, PREPARE_MS);

test("helm finds nothing wrong with the chart", async () => {
  const { exitCode, stdout } = await helm("lint", BUCKET);
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining("0 chart(s) failed")]);
});

test("the chart is for the program's version", async () => {
  const chart = Bun.YAML.parse(await Bun.file(join(CHART, "Chart.yaml")).text()) as { appVersion: string };
  const { version } = await Bun.file(join(import.meta.dir, "../../package.json")).json();
  expect(chart.appVersion).toBe(version);
  expect((await podOf(BUCKET)).container.image).toBe(`s3proxy:${version}`);
});

test("without a bucket there is one clear error", async () => {
  const { exitCode, stderr } = await helm("template");
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
  const { pod, container, probes } = await podOf(BUCKET);
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  expect(container.volumeMounts).toEqual([{ name: "cache", mountPath: "/var/cache/s3proxy" }]);
  expect(probes.map(({ path }) => path)).toEqual(["/_proxy/health", "/_proxy/health", "/_proxy/ready"]);
});

test("options go in by their names, secrets by reference", async () => {
  const { container } = await podOf(BUCKET, "env.TTL=60", "secrets[0]=s3proxy-keys");
  expect(container.env).toContainEqual({ name: "S3_BUCKET", value: "my-site" });
  expect(container.env).toContainEqual({ name: "TTL", value: "60" });
  expect(container.envFrom).toEqual([{ secretRef: { name: "s3proxy-keys" } }]);
});

test("Redis' address comes out of a Secret of another program's", async () => {
  const source = ["secretKeys.REDIS_URL.name=site-redis", "secretKeys.REDIS_URL.key=url"];
  const { container } = await podOf(BUCKET, ...source);
  expect(container.env).toContainEqual({
    name: "REDIS_URL",
    valueFrom: { secretKeyRef: { name: "site-redis", key: "url" } },
  });
});

describe("with a certificate", () => {
  const TLS = [BUCKET, "tls.secretName=site-tls", "serviceMonitor.enabled=true"];

  test("the program is told where the Secret is mounted, and nobody else may read it", async () => {
    const { pod, container } = await podOf(...TLS);
    const { mountPath, ...mount } = container.volumeMounts.find(
      ({ name }: { name: string }) => name === "tls",
    );
    expect(mount).toEqual({ name: "tls", readOnly: true });
    const secret = { secretName: "site-tls", defaultMode: 0o440 };
    expect(pod.volumes).toContainEqual({ name: "tls", secret });
    const plain = container.env.map(({ name, value }: { name: string; value: string }) => [name, value]);
    const { tlsCert, tlsKey } = parseOptions([], Object.fromEntries(plain));
    expect([tlsCert, tlsKey]).toEqual([`${mountPath}/tls.crt`, `${mountPath}/tls.key`]);
  });

  test("the service is on port 443, and probes and Prometheus ask over HTTPS", async () => {
    const made = await objects(...TLS);
    const container = made.Deployment?.spec.template.spec.containers[0];
    expect(container.ports).toEqual([{ name: "https", containerPort: 8000 }]);
    expect(made.Service?.spec.ports).toEqual([{ name: "https", port: 443, targetPort: "https" }]);
    const { probes } = await podOf(...TLS);
    expect(probes.map(({ scheme }) => scheme)).toEqual(["HTTPS", "HTTPS", "HTTPS"]);
    const tlsConfig = { insecureSkipVerify: true };
    expect(made.ServiceMonitor?.spec.endpoints[0]).toMatchObject({ scheme: "https", tlsConfig });
  });

  test("they ask at an admin port in the clear", async () => {
    const values = [...TLS, "env.ADMIN_PORT=8001"];
    expect((await podOf(...values)).probes.map(({ scheme }) => scheme)).toEqual(["HTTP", "HTTP", "HTTP"]);
    const made = await objects(...values);
    expect(made.ServiceMonitor?.spec.endpoints[0]).not.toHaveProperty("scheme");
  });

  test("a port that redirects is the service's port 80, and leads to the service's port for HTTPS", async () => {
    const redirected = async (...more: string[]) => {
      const made = await objects(...TLS, "env.TLS_REDIRECT_PORT=8080", ...more);
      const container = made.Deployment?.spec.template.spec.containers[0];
      expect(container.ports).toContainEqual({ name: "redirect", containerPort: 8080 });
      const [https, ...others] = made.Service?.spec.ports ?? [];
      expect(others).toEqual([{ name: "http", port: 80, targetPort: "redirect" }]);
      const plain = container.env.map(({ name, value }: { name: string; value: string }) => [name, value]);
      return { servicePort: https.port, ...parseOptions([], Object.fromEntries(plain)) };
    };
    expect(await redirected()).toMatchObject({ servicePort: 443, tlsRedirectPort: 8080, tlsPublicPort: 443 });
    expect(await redirected("service.port=8443")).toMatchObject({ servicePort: 8443, tlsPublicPort: 8443 });
    // As behind a load balancer that maps them once more.
    const other = await redirected("service.port=8443", "env.TLS_PUBLIC_PORT=443");
    expect(other).toMatchObject({ servicePort: 8443, tlsPublicPort: 443 });
  });

  test("without a certificate such a port is refused", async () => {
    const { exitCode, stderr } = await helm("template", BUCKET, "env.TLS_REDIRECT_PORT=8080");
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringContaining("env.TLS_REDIRECT_PORT needs tls.secretName"),
    ]);
  });

  test("with such a port HTTPS can't be the service's port 80", async () => {
    const { exitCode, stderr } = await helm(
      "template",
      ...TLS,
      "env.TLS_REDIRECT_PORT=8080",
      "service.port=80",
    );
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("service.port must be another one")]);
  });

  test("its port is another where one is given", async () => {
    expect((await objects(...TLS, "service.port=8443")).Service?.spec.ports[0].port).toBe(8443);
  });

  test("one that nothing mounts is refused", async () => {
    const { exitCode, stderr } = await helm("template", BUCKET, "env.TLS_CERT=/tls.crt");
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("tls.secretName mounts a certificate")]);
  });
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
  const { probes } = await podOf(...values);
  expect(probes.map(({ port }) => port)).toEqual(["admin", "admin", "admin"]);
  expect(made.Service?.spec.ports).toEqual([{ name: "http", port: 80, targetPort: "http" }]);
  const service = made["Service site-admin"];
  expect(service?.spec).toMatchObject({ clusterIP: "None", ports: [{ name: "admin", port: 8001 }] });
  expect(made.ServiceMonitor?.spec.endpoints[0]).toMatchObject({ port: "admin" });
  const labels = made.ServiceMonitor?.spec.selector.matchLabels;
  expect(service?.metadata.labels).toEqual(labels);
  expect(made.Service?.metadata.labels).not.toMatchObject(labels);
});

test("the command of docs/deploy.md makes what it says", async () => {
  const document = await Bun.file(join(CHART, "../../../docs/deploy.md")).text();
  const [, command = ""] = /^helm install site deploy\/helm\/s3proxy ([\s\S]*?)^```/m.exec(document) ?? [];
  const values = [...command.matchAll(/--set (?:'([^']*)'|(\S+))/g)].map(
    ([, quoted, bare]) => quoted ?? bare ?? "",
  );
  const { container } = await podOf(...values);
  expect(container.image).toStartWith("registry.example.com/s3proxy:");
  expect(container.envFrom).toEqual([{ secretRef: { name: "s3proxy-keys" } }]);
  const { ServiceAccount } = await objects(...values);
  expect(ServiceAccount?.metadata.annotations).toEqual({
    "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/s3proxy",
  });
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
    const refused = await helm("template", ...values);
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
