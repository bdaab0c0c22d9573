/** Runs Bun with the arguments given, after installing the packages they need when they aren't there. */
import { runAs } from "../bin/run.mjs";
import { installedBun } from "./install.mjs";

const args = process.argv.slice(2);
runAs(installedBun(args[0] === "src/main.ts" ? "to run" : "to develop"), args);
