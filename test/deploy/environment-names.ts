import { type Option, options } from "../../src/config/options.ts";

/** The environment variables that an option has; another name would be taken by nobody, in silence. */
export const ENVIRONMENT_NAMES: readonly string[] = Object.values<Option<unknown>>(options)
  .map(({ environment }) => environment)
  .filter((name) => name !== undefined);
