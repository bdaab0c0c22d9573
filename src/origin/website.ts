/** A bucket's own website configuration: GetBucketWebsite. */

import { elementsOf, rawTextOf, rootElement, textOf, type XmlElement } from "./xml.ts";

/** What a bucket says of the website in it. Nothing in it can lead elsewhere than it says, or break a header. */
export interface BucketWebsite {
  /** What a path that ends in a slash means: a name without a slash. */
  readonly indexDocument?: string;
  /** The key whose body goes with a 4xx. */
  readonly errorDocument?: string;
  /** Present where every request is sent to another host. */
  readonly redirectAll?: Redirect;
  /** In the order in which they are tried. */
  readonly rules: readonly RoutingRule[];
  /** How many rules couldn't be understood. */
  readonly ignoredRules: number;
}

/** A redirect under a condition. */
export interface RoutingRule {
  /** What the key begins with; absent where it doesn't matter. */
  readonly keyPrefix?: string;
  /** The status that would be answered; absent for a rule that is applied before the object is looked for. */
  readonly errorStatus?: number;
  readonly redirect: Redirect;
}

/** Where a redirect leads; what is absent stays as it was asked for. */
export interface Redirect {
  readonly status: number;
  readonly protocol?: "http" | "https";
  /** With a port where there is one. */
  readonly host?: string;
  /** In place of the whole key. */
  readonly key?: string;
  /** In place of what the condition says that the key begins with; may be empty. */
  readonly keyPrefix?: string;
}

/** Most rules that are read: S3 takes no more either. */
const RULES_MOST = 50;
/** What S3 redirects with where a rule doesn't say. */
const DEFAULT_STATUS = 301;

const HOST = /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}(?::\d{1,5})?$/;
/** Those with a Location that is followed; 304 and the like are none. */
const REDIRECT_STATUS = /^30[12378]$/;
const ERROR_STATUS = /^[45]\d\d$/;
/** `fetch` would take such a segment for another folder, or for another bucket. */
const DOT_SEGMENT = /(?:^|[/\\])\.{1,2}(?:[/\\]|$)/;
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/;

/** Reads S3's answer; undefined where it isn't one. */
export function parseWebsite(xml: string): BucketWebsite | undefined {
  const root = rootElement(xml, "WebsiteConfiguration");
  const [all] = elementsOf(root, "RedirectAllRequestsTo");
  const redirectAll = all === undefined ? undefined : redirectOf(all);
  if (redirectAll?.host !== undefined) return { redirectAll, rules: [], ignoredRules: 0 };
  const indexDocument = elementsOf(root, "IndexDocument").map((each) => keyOf(each, "Suffix"))[0];
  if (indexDocument === undefined || indexDocument.includes("/")) return undefined;
  const errorDocument = elementsOf(root, "ErrorDocument").map((each) => keyOf(each, "Key"))[0];
  const given = elementsOf(root, "RoutingRules").flatMap((each) => elementsOf(each, "RoutingRule"));
  const rules = given
    .slice(0, RULES_MOST)
    .map(ruleOf)
    .filter((rule) => rule !== undefined);
  const ignoredRules = given.length - rules.length;
  return { indexDocument, ...(errorDocument !== undefined && { errorDocument }), rules, ignoredRules };
}

function keyOf(parent: XmlElement, name: string): string | undefined {
  const key = rawTextOf(parent, name);
  const isUsable = key !== undefined && key !== "" && !CONTROLS.test(key) && !DOT_SEGMENT.test(key);
  return isUsable ? key : undefined;
}

/** A rule; undefined where a part of it can't be right, for the rest alone would mean something else. */
function ruleOf(element: XmlElement): RoutingRule | undefined {
  const [condition = {}] = elementsOf(element, "Condition");
  const redirect = elementsOf(element, "Redirect").map(redirectOf)[0];
  if (redirect === undefined) return undefined;
  const keyPrefix = rawTextOf(condition, "KeyPrefixEquals");
  const status = textOf(condition, "HttpErrorCodeReturnedEquals");
  if (status !== undefined && !ERROR_STATUS.test(status)) return undefined;
  return {
    ...(keyPrefix !== undefined && { keyPrefix }),
    ...(status !== undefined && { errorStatus: Number(status) }),
    redirect,
  };
}

function redirectOf(element: XmlElement): Redirect | undefined {
  const protocol = textOf(element, "Protocol")?.toLowerCase();
  const host = textOf(element, "HostName");
  const status = textOf(element, "HttpRedirectCode") ?? String(DEFAULT_STATUS);
  const key = rawTextOf(element, "ReplaceKeyWith");
  const keyPrefix = rawTextOf(element, "ReplaceKeyPrefixWith");
  if (protocol !== undefined && protocol !== "http" && protocol !== "https") return undefined;
  if (host !== undefined && !HOST.test(host)) return undefined;
  if (!REDIRECT_STATUS.test(status) || CONTROLS.test((key ?? "") + (keyPrefix ?? ""))) return undefined;
  return {
    status: Number(status),
    ...(protocol !== undefined && { protocol }),
    ...(host !== undefined && { host }),
    ...(key !== undefined && { key }),
    ...(keyPrefix !== undefined && { keyPrefix }),
  };
}
