import { describeBackend } from "./backend-contract.ts";
import { startS3rver } from "./s3rver.ts";

describeBackend("s3rver", startS3rver, { wrongRegion: "200" });
