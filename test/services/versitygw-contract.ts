import { describeBackend } from "../support/backend-contract.ts";
import { startVersitygw } from "./versitygw.ts";

describeBackend("versitygw", startVersitygw, { wrongRegion: "400 AuthorizationHeaderMalformed" });
