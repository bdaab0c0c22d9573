/** The package as npm would install it, in a temporary folder: its files copied, its dependencies linked or made up. */

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dir, "../..");

/** A copy of the package. */
export interface InstalledPackage {
  readonly folder: string;
  /** `src/main.ts` of the copy. */
  readonly main: string;
  /** What the package's `bin` names, in the copy. */
  readonly launcher: string;
  /** Writes a file of `node_modules`, such as `bun/package.json`. */
  addFile(path: string, text: string, mode?: number): void;
  /** Links a file of `node_modules` to one of this machine. */
  link(path: string, target: string): void;
  remove(): void;
}

/** Copies the package without its tests. Of libraries nothing is found that isn't added, but `ipaddr.js`. */
export function installPackage(): InstalledPackage {
  const folder = mkdtempSync(join(tmpdir(), "s3proxy-installed-"));
  for (const part of ["bin", "src", "package.json"]) {
    cpSync(join(ROOT, part), join(folder, part), {
      recursive: true,
      filter: (path) => !path.endsWith(".test.ts"),
    });
  }
  const inModules = (path: string) => {
    const whole = join(folder, "node_modules", path);
    mkdirSync(dirname(whole), { recursive: true });
    return whole;
  };
  // The program always needs it.
  symlinkSync(join(ROOT, "node_modules/ipaddr.js"), inModules("ipaddr.js"));
  return {
    folder,
    main: join(folder, "src/main.ts"),
    launcher: join(folder, "bin/s3proxy.mjs"),
    addFile: (path, text, mode = 0o644) => writeFileSync(inModules(path), text, { mode }),
    link: (path, target) => symlinkSync(target, inModules(path)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
