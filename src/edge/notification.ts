/**
 * S3 event notifications, in every wrapping in which AWS delivers them: as they are (SQS, Lambda), in SNS' envelope, in SQS'
 * records, and as EventBridge's events. Sources: "Event message structure" of the S3 user guide, "Amazon SNS message and JSON
 * formats", "Amazon S3 EventBridge event structure".
 */

/** What a notification is about. */
export type Notification =
  /** Keys of the bucket, exactly as they are there. */
  | { readonly kind: "keys"; readonly keys: readonly string[] }
  /** SNS asks whether its messages are wanted; somebody must visit the address it names. */
  | { readonly kind: "confirmation"; readonly topic: string }
  | { readonly kind: "malformed" };

/** Wrappings in wrappings that are followed. */
const MOST_WRAPPINGS = 4;

const MALFORMED: Notification = { kind: "malformed" };

/** Reads a notification's text; of other buckets' objects nothing is said. */
export function readNotification(text: string, bucket: string): Notification {
  const keys: string[] = [];
  const found = collect(parse(text), bucket, keys, MOST_WRAPPINGS);
  return found ?? { kind: "keys", keys: [...new Set(keys)] };
}

/** Adds the keys that a message names. Returns what the message is where it names none. */
function collect(
  message: unknown,
  bucket: string,
  keys: string[],
  wrappings: number,
): Notification | undefined {
  if (!isRecord(message) || wrappings === 0) return MALFORMED;
  const { Type: type, Message: inner, TopicArn: topic, Records: records, detail, Event: event } = message;
  if (type === "SubscriptionConfirmation") return { kind: "confirmation", topic: String(topic) };
  // What S3 sends once to see whether its messages arrive.
  if (event === "s3:TestEvent") return undefined;
  if (typeof inner === "string") return collect(parse(inner), bucket, keys, wrappings - 1);
  if (isRecord(detail)) return addKey(detail, bucket, keys, (key) => key);
  if (!Array.isArray(records)) return MALFORMED;
  for (const record of records) {
    const { s3, body, Sns: sns } = isRecord(record) ? record : {};
    const refusal = isRecord(s3)
      ? addKey(s3, bucket, keys, decodeFormKey)
      : collect(typeof body === "string" ? parse(body) : sns, bucket, keys, wrappings - 1);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function addKey(
  { bucket: itsBucket, object }: Record<string, unknown>,
  bucket: string,
  keys: string[],
  decode: (key: string) => string | undefined,
): Notification | undefined {
  if (!isRecord(itsBucket) || !isRecord(object) || typeof object.key !== "string") return MALFORMED;
  const key = decode(object.key);
  if (key === undefined) return MALFORMED;
  if (itsBucket.name === bucket) keys.push(key);
  return undefined;
}

/** S3's own notifications have keys in form encoding: a space is a plus sign. EventBridge's have them as they are. */
function decodeFormKey(key: string): string | undefined {
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
