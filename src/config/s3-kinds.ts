/** The kinds of value that name something in S3: where the bucket is, what it is called, and keys in it. Pure, as those of kinds.ts. */

import { type Kind, WrongForm } from "./kinds.ts";

/** A bucket's name, by S3's rules for the characters and the length. */
export const bucketName: Kind<string> = {
  placeholder: "<name>",
  parse(given) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/.test(given) || given.includes("..")) {
      throw new WrongForm("a bucket name: 3 to 255 letters, digits, dots, dashes and underscores");
    }
    return given;
  },
};

/** A region's name; it becomes a part of a host name. */
export const regionName: Kind<string> = {
  placeholder: "<region>",
  parse(given) {
    if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(given)) {
      throw new WrongForm('a region such as "eu-west-1"');
    }
    return given;
  },
};

/** The address of an S3-compatible server: scheme, host and port alone. Its value is the URL's origin. */
export const endpoint: Kind<string> = {
  placeholder: "<url>",
  parse(given) {
    const wanted = 'a URL such as "https://minio.internal:9000", without path, query or credentials';
    const url = URL.parse(given);
    if (url === null || !["http:", "https:"].includes(url.protocol)) throw new WrongForm(wanted);
    if (url.pathname !== "/" || url.search + url.hash + url.username + url.password !== "") {
      throw new WrongForm(wanted);
    }
    return url.origin;
  },
};

/** A prefix of keys, as a folder: its value has no slash in front and exactly one behind. */
export const keyPrefix: Kind<string> = {
  placeholder: "<prefix>",
  parse(given) {
    const inner = given.replace(/^\/+|\/+$/g, "");
    if (!canBeNamed(inner)) throw new WrongForm('a key prefix such as "site/", without "." or ".." segments');
    return `${inner}/`;
  },
};

/** A name within a folder. */
export const documentName: Kind<string> = {
  placeholder: "<name>",
  parse(given) {
    if (!isKey(given) || given.includes("/"))
      throw new WrongForm('a name without a slash such as "index.html"');
    return given;
  },
};

/** A key, of those that a path can name. */
export const objectKey: Kind<string> = {
  placeholder: "<key>",
  parse(given) {
    const key = given.replace(/^\/+/, "");
    if (!isKey(key)) throw new WrongForm('a key such as "404.html", without "." or ".." segments');
    return key;
  },
};

/** Longest key in S3, in bytes. */
const KEY_BYTES = 1024;

function isKey(text: string): boolean {
  return canBeNamed(text) && Buffer.byteLength(text) <= KEY_BYTES;
}

/** True for what a path can name: a browser takes dots as segments out, and control characters are refused (edge/route.ts). */
function canBeNamed(text: string): boolean {
  const segments = text.split("/");
  const hasDots = segments.includes("..") || segments.includes(".");
  return text !== "" && !hasDots && !/[\u0000-\u001f\u007f]/.test(text);
}
