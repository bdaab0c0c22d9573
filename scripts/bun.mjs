/** Runs Bun with the arguments given, after installing the project's packages when they aren't there. */
import { runAs } from "../bin/run.mjs";
import { installedBun } from "./install.mjs";

runAs(installedBun(), process.argv.slice(2));
