/** The program can't start; the message is for the user. */
export class StartError extends Error {
  override readonly name = "StartError";
}
