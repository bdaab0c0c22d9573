/** What two programs say to each other when one takes the other's place. */

/** The one that runs, first thing: who it is, and of each port it listens on how many listeners it has: `8000:4`. */
export const GREETING = "s3proxy";
/** The other listens too. A connection that ends after this and before `LEAVE` means that it came to nothing. */
export const RETIRE = "retire";
/** Who asks often has been sent away. */
export const RETIRED = "retired";
/** The other has what it needs. The end of the connection says that the directories are free. */
export const LEAVE = "leave";
/** With a number: the other forgets all that it holds, for a clear that the one that runs was asked for. */
export const CLEAR = "clear";
/** With the number of the `CLEAR`: done. */
export const CLEARED = "cleared";
